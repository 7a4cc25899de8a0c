"""The page judges a log as Python does: the same runs, columns, marks and sentences."""

import base64
import functools
import json
import random
import struct

import numpy as np
import pytest

from mocolib import logs
from mocolib.errors import BadInput
from mocolib.lab.own_log import rules
from mocolib.logs.chance import white
from tests import lost_logs, planted_logs
from tests.test_judged import CASES, near
from tests.test_logs import HISTORY, MOCO_V3
from tests.test_logs_strange import REFUSED

# the worker of the page itself; a judged log is what went over to the page
ASK = """async ([content, name, named]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const plain = (value) => value instanceof Map ? Object.fromEntries(value)
    : ArrayBuffer.isView(value) ? [...value] : value;
  const id = (window.asked = (window.asked ?? 0) + 1);
  const told = await new Promise((done) => {
    worker.onmessage = ({ data }) => {
      if (data.id === id && data.is !== "reading") done(data);
    };
    worker.postMessage({ id, file: new File([bytes], name), named });
  });
  return JSON.stringify(told, (_, value) => plain(value));
}"""
START = """(rules) => {
  window.worker = new Worker("/_static/judge/worker.js", { type: "module" });
  worker.postMessage({ rules });
}"""


@pytest.fixture(scope="module")
def page(page):
    """A page with the worker that judges."""
    page.evaluate(START, rules())
    return page


@pytest.fixture
def same(page, tmp_path):
    """Judge content in Python and in the page, and hold them to be equal."""
    return functools.partial(hold_equal, page, tmp_path)


def hold_equal(page, folder, content, name="run.log.csv", **named):
    content = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(content)
    asked = [base64.b64encode(content).decode(), name, named]
    theirs = json.loads(page.evaluate(ASK, asked))
    try:
        ours = [logs.judge(log) for log in logs.read(path, **named)]
    except BadInput as error:
        sentence = str(error).replace(str(path), name)
        assert theirs["is"] == "refused"
        if "begins as JSON" in sentence:  # each language has its own reason
            cut = sentence.index("must be whole")
            assert theirs["sentence"][:cut] == sentence[:cut]
        else:
            assert theirs["sentence"] == sentence
        return None
    assert theirs["is"] == "judged", theirs
    assert len(theirs["logs"]) == len(ours)
    for one, other in zip(ours, theirs["logs"], strict=True):
        near(other["judged"], one.as_json())
        assert other["sentences"] == logs.told(one)
    return theirs["logs"]


# --- logs whose truth is planted, and each framework's form ---------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_kept_log_is_judged_alike(same, name):
    (log,) = same(CASES[name]["text"], f"{name}.csv")
    kept = CASES[name]["judged"]
    near(log["judged"], kept)
    falls = [mark for mark in log["drawn"]["points"]["accuracy"] if "depth" not in mark]
    back = [mark["x"] for mark in falls if mark["kind"] == "made_good"]
    assert back == [fall["low"] for fall in kept["falls"] if fall["made_good"]]
    assert [m["kind"] for m in falls].count("collapse") == bool(kept["collapsed"])


def curves(runs: int = 1) -> list[tuple]:
    """Of each run (step, loss, accuracy or None, rate), with a dip and spikes."""
    rising, spikes = planted_logs.rising(), (150, 230)
    found = []
    for run in range(runs):
        dipped = planted_logs.falling(rising, 150 + 40 * run, 0.07, 40)
        loss, rate = planted_logs.loss(spikes), planted_logs.rate()
        steps = zip(planted_logs.STEPS.tolist(), loss, dipped, rate, strict=True)
        found.append(
            [(s, f"{x:.5g}", f"{a:.5g}" * (s % 4 == 0), r) for s, x, a, r in steps]
        )
    return found


def wandb() -> str:
    first, second = curves(2)
    names = [
        f"{run} - {n}" for run in ("brisk-1", "a - b") for n in ("val/knn", "loss")
    ]
    heads = [f"{name}{end}" for name in names for end in ("", "__MIN", "__MAX")]
    rows = [",".join(f'"{head}"' for head in ("Step", *heads))]
    for (step, x, a, _), (_, y, b, _) in zip(first, second, strict=True):
        cells = [cell for value in (a, x, b, y) for cell in [value] * 3]
        rows.append(",".join(f'"{cell}"' for cell in (step, *cells)))
    return "\n".join(rows)


def of_rows(row, head=""):
    return head + "".join(row(*one) for one in curves()[0])


FORMS = {
    "wandb": wandb(),
    "wandb means": wandb().replace('"0.55893"', '"0.54"', 1),
    "tensorboard": of_rows(
        lambda s, x, a, r: f"1654943296.{s},{s},{a or 'nan'}\n",
        "Wall time,Step,Value\n",
    ),
    "lightning": of_rows(
        lambda s, x, a, r: f"{s // 50},{s},{x},,,{r}\n{s // 50},{s},,{a},0.9,\n",
        "epoch,step,train_loss_step,val_knn_top1,val_knn_top5,lr-AdamW\n",
    ),
    "timm": of_rows(
        lambda s, x, a, r: f"{s},{x},6.6,{100 * float(a or 0.5)},3.3,{r}\n",
        "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n",
    ),
    "dino": of_rows(
        lambda s, x, a, r: json.dumps(
            {"train_loss": float(x), "train_lr": r, "epoch": s}
            | ({"test_acc1": 100 * float(a)} if a else {})
        )
        + "\n"
    )
    + '{"train_lo',
    "dinov2": of_rows(
        lambda s, x, a, r: json.dumps(
            {"iteration": 10 * s, "iter_time": 1.2, "data_time": 0.1, "lr": r}
            | {"total_loss": float(x), "koleo_loss": -0.008, "10": 3, "2": float("nan")}
        )
        + "\n"
    ),
    "moco-v3": "Use GPU: 0 for training\n"
    + of_rows(
        lambda s, x, a, r: f"Epoch: [{s // 40}][ {s % 40}/40]\tTime  0.9 ( 0.9)\t"
        f"Loss {x} (9.8)\tAcc@1  50.00 ( 50.00)\n"
        + (f" * Acc@1 {100 * float(a):.3f} Acc@5 87.1\n" if a else "")
    ),
    "moco-v3 as in test_logs": MOCO_V3,
    "dino prints": of_rows(
        lambda s, x, a, r: f"Epoch: [{s // 40}/100]  [ {s % 40}/40]  eta: 0:04:10  "
        f"loss: {x} (9.9)  lr: {r} (0.0004)  time: 0.61\n"
    ),
    "trainer_state": json.dumps({"best": None, "log_history": HISTORY}, indent=2),
    "printed dicts": " 0%| | 0/600\n"
    + of_rows(
        lambda s, x, a, r: (
            str({"loss": float(x), "eval_accuracy": float(a or "nan"), "step": s})
            + "\n"
        )
    ),
    "solo-learn": of_rows(
        lambda s, x, a, r: f"{s},{s // 50},{x},{a},{r}\n",
        "trainer/global_step,epoch,train_loss,val_knn_acc1,lr\n",
    ),
    "lists by name": json.dumps(
        {
            "loss": [float(x) for _, x, _, _ in curves()[0]],
            "val": {"accuracy": [a for _, _, a, _ in curves()[0] if a]},
        }
    ),
    "rows of JSON": '[{"iter": 5, "loss": 3}, {"iter": 6, "loss": 2}]',
    "TensorBoard's JSON": "[[1.5e9, 0, 0.5], [1.5e9, 1, 0.6]]",
    "several runs": "run,step,loss\n"
    + "".join(f"{s % 3},{s},{x}\n" for s, x, _, _ in curves()[0]),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_each_framework_is_read_alike(same, name):
    named = {"accuracy": "Value"} if "ensor" in name else {}
    found = same(FORMS[name], **named)
    assert len(found) == {"wandb": 2, "wandb means": 2, "several runs": 3}.get(name, 1)


def record(content: bytes) -> bytes:
    def masked(data: bytes) -> bytes:
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        crc ^= 0xFFFFFFFF
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    size = struct.pack("<Q", len(content))
    return size + masked(size) + content + masked(content)


def test_events_of_tensorboard_are_read_alike_also_when_they_are_torn(same, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path / "events")) as writer:
        for step, loss, accuracy, _ in curves()[0]:
            writer.add_scalar("train/loss", float(loss), step)
            writer.add_scalar("mine", 0.5, step, new_style=True)
            writer.add_text("note", "0.7", step)
            if accuracy:
                writer.add_scalar("knn", float(accuracy), step, new_style=True)
    (file,) = (tmp_path / "events").iterdir()
    content = file.read_bytes()
    (log,) = same(content, "run.tfevents.1")
    assert log["judged"]["readings"] == 100
    assert "mine" in log["judged"]["others"]
    same(content[: len(content) // 2], "run.tfevents.1")
    spoiled = bytearray(content)
    spoiled[len(content) // 2] ^= 1
    (half,) = same(bytes(spoiled), "run.tfevents.1")
    assert half["judged"]["rows"] < log["judged"]["rows"]
    same(content + record(b"\x10\x05"), "run.tfevents.1")


def test_few_readings_of_many_tags_are_read_alike(same, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path / "events")) as writer:
        for step in range(6):
            for tag in ("loss", "knn", "lr", *(f"grad_norm/{k}" for k in range(4))):
                writer.add_scalar(tag, 0.5 / (step + 1) if step else np.inf, step)
    (file,) = (tmp_path / "events").iterdir()
    (log,) = same(file.read_bytes(), "run.tfevents.1")
    assert log["judged"]["notes"] == {}


# --- strange logs ---------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_log_is_refused_in_the_same_sentence(same, name):
    if name == "half a Parquet":  # the page reads none
        return
    assert same(REFUSED[name][0]) is None


def test_parquet_is_one_sentence(page):
    asked = [base64.b64encode(b"PAR1abc").decode(), "a.parquet", {}]
    theirs = json.loads(page.evaluate(ASK, asked))
    assert theirs["is"] == "refused"
    assert "export it as CSV" in theirs["sentence"]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]
)
def test_encodings_are_read_alike(same, encoding):
    text = "step,knn,Größe\n" + "".join(f"{i},0.{i % 9}5,1\n" for i in range(1, 99))
    (log,) = same(text.encode(encoding))
    assert "Größe" in log["judged"]["others"]


def order(text: str, seed: int) -> str:
    head, *rows = text.splitlines()
    random.Random(seed).shuffle(rows)
    return "\n".join([head, *rows])


CALM = planted_logs.planted()["dips"]
LINES = CALM.splitlines()
STRANGE = {
    "one row": "step,loss\n7,2\n",
    "short": "\n".join(LINES[:9]),
    "constant": "step,loss,knn\n" + "".join(f"{i},1,0.5\n" for i in range(200)),
    "shuffled": order(CALM, 3),
    "restarted": "\n".join([*LINES[:200], *LINES[150:]]),
    "twice": "\n".join(line for line in LINES for _ in range(2)),
    "full of nan": "\n".join(x.replace(",,", ",nan,") + "" for x in LINES[:300])
    + "\n301,1e-3,nan,nan,nan,\n302,1e-3,inf,,,\n",
    "semicolons": CALM.replace(",", ";").replace(".", ","),
    "tabs": "sep=\t\r\n" + CALM.replace(",", "\t").replace("\n", "\r\n"),
    "spaces": "step   knn loss\n" + "".join(f"{i}  0.{i:03} 3\n" for i in range(300)),
    "returns": CALM.replace("\n", "\r"),
    "percent": "step,acc\n" + "".join(f"{i},{40 + i / 9:.3f} %\n" for i in range(90)),
    "mixed units": "step,acc\n0,.4\n1,.41\n2,.42\n3,.43\n4,44\n5,45\n6,46\n7,47\n",
    "zeros": "step,acc\n" + "".join(f"{i},{0.5 * (i % 4 == 0)}\n" for i in range(99)),
    "out of range": "step,acc,loss\n1,300,2\n2,400,1\n",
    "epochs anew": "epoch,iter,loss\n1,50,5\n1,100,4\n2,50,3\n2,100,2\n",
    "epochs spread": "epoch,loss,val_acc\n,9,\n0,5,\n0,4,\n0,,.5\n1,3,\n1,2,\n1,,.6\n",
    "carried": '{"step": 5, "loss": 2}\n{"val_acc": 0.5}\n{"step": 6, "loss": 1}',
    "quotes": '\n"step","knn","the\nloss",\n"0","51 %","3.2",\n"10","a""b","3.1",\n',
    "literals": "{'loss': 1, 'a': (1, 2), 'b': [], 'step': 3,}\n{'loss': -2.}",
    "numbers": "step,loss\n1,1_000\n2,+inf\n3,0x10\n4,.5\n5,5.\n6,1e3\n7, 7 \n8,\n",
    "huge": "step,loss\n" + "".join(f"{i * 1234567},{1e9 + i}\n" for i in range(90)),
    "fractions": "epoch,loss\n" + "".join(f"{i / 7},{i % 5}\n" for i in range(200)),
    "many norms": "step,loss,"
    + ",".join(f"grad_norm/{i}" for i in (10, 2, 3, 4, 5, 1))
    + "\n"
    + "".join(
        f"{i},{3 + 0.1 * white(300)[i]:.4f},"
        + ",".join(f"{np.exp(white(300, k)[i]):.4f}" for k in range(6))
        + "\n"
        for i in range(300)
    ),
    "blank columns": "step,loss,knn,x\n1,2\n2,1,,,,,\n3,1,0.5,n/a\n",
} | {**lost_logs.BROKEN, **lost_logs.UNLIKE}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_logs_are_judged_alike(same, name):
    for log in same(STRANGE[name]):
        marks = log["drawn"]["points"]["loss"]
        assert all(np.isfinite(mark["y"]) for mark in marks)


@pytest.mark.parametrize("seed", range(12))
def test_curves_drawn_by_chance_are_judged_alike(same, seed):
    """Walks, dips, gaps, scales and lengths as they come."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 900))
    knn = 0.5 + np.cumsum(rng.normal(size=n)) * 10 ** -rng.uniform(1.5, 3)
    knn = np.clip(knn, 0.01, 0.99) * rng.choice([1, 100])
    read = rng.random(n) < rng.uniform(0.05, 1)
    loss = 3 + 0.1 * rng.standard_t(3, size=n)
    norms = np.exp(rng.normal(size=(2, n)))
    rows = [
        f"{i * 7},{x:.6g},{a:.6g},{f:.4g},{b:.4g}"
        if r
        else f"{i * 7},{x:.6g},,{f:.4g},"
        for i, (x, a, r, f, b) in enumerate(zip(loss, knn, read, *norms, strict=True))
    ]
    same("\n".join(["step,loss,val_acc,grad_norm/embed,grad_norm/head", *rows]))


@pytest.mark.parametrize("seed", range(10))
def test_what_is_no_number_by_chance_is_judged_alike(same, seed):
    """NaN, infinite and blank cells, rows of a kind, values held or rounded."""
    rng = np.random.default_rng(seed)
    n, held = int(rng.integers(40, 400)), int(rng.integers(1, 6))
    values = np.array(
        [rng.normal(2, 0.1, n), rng.uniform(0, 1, n), rng.lognormal(0, 1, n)]
    )
    values = np.round(np.repeat(values[:, ::held], held, 1)[:, :n], rng.integers(0, 6))
    values[1, rng.integers(n // 3, n) :] = 0.1
    cells = values.astype(str)
    for column in cells:
        for other in ("nan", "inf", "-inf", ""):
            column[rng.random(n) < rng.choice([0, 0, 0.02, 0.6])] = other
            begin, length = rng.integers(n), int(rng.choice([0, 0, 5, n]))
            column[begin : begin + length] = other
    if kinds := rng.integers(3):
        for k, column in enumerate(cells):
            column[np.arange(n) % 3 != k] = ("nan", "")[kinds - 1]
    steps = np.arange(n) % rng.choice([n, n, 20]) * 5
    rows = [",".join(row) for row in zip(steps.astype(str), *cells, strict=True)]
    same("\n".join(["step,loss,val_acc,grad_norm/head", *rows]))


@pytest.mark.parametrize(
    "named",
    [
        {"accuracy": "mine", "axis": "epoch", "norms": ["b", "a"]},
        {"loss": "lss"},
        {"norms": ["note"]},
        {"norms": ["none"]},
        {"accuracy": "step"},
        {"axis": "loss"},
    ],
)
def test_a_choice_is_met_or_refused_alike(same, named):
    text = "step,epoch,knn,mine,loss,a,b,note,none\n100,0,0.5,0.7,2,3,4,it's,\n"
    same(text + "200,1,0.6,0.8,1,5,6,,\n", **named)
