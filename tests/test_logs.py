"""Logs as frameworks write them are read for what they are.

Each file here has exactly the form that the named code writes.
"""

import json

import numpy as np
import pandas as pd
import pytest

from mocolib import logs
from mocolib.logs import Log
from mocolib.runs import step_table
from tests.planted import plant, shaking


def taken(log: Log) -> dict:
    """The readings of a log that are there, by role."""
    return {
        name: {s: v for s, v in zip(log.steps, values, strict=True) if not np.isnan(v)}
        for name, values in vars(log).items()
        if name in ("accuracy", "loss", "rate")
    }


def test_a_chart_that_was_exported_from_wandb_is_a_log_for_each_run(written):
    first, second = written(
        '"Step","brisk-pond-1 - val/knn","brisk-pond-1 - val/knn__MIN",'
        '"brisk-pond-1 - val/knn__MAX","a - b - val/knn","a - b - val/knn__MIN",'
        '"a - b - val/knn__MAX"\n'
        '"0","0.5","0.5","0.5","","",""\n'
        '"10","0.6","0.6","0.6","0.3","0.3","0.3"\n'
    )
    assert (first.title, second.title) == ("brisk-pond-1", "a - b")
    assert taken(first)["accuracy"] == {0: 0.5, 10: 0.6}
    assert taken(second)["accuracy"] == {10: 0.3}
    assert first.columns["accuracy"] == "val/knn"
    assert first.notes == {}


def test_a_chart_of_means_says_so(written):
    (log,) = written(
        '"Step","Group: a - loss","Group: a - loss__MIN","Group: a - loss__MAX"\n'
        '"0","2","1.5","2.5"\n"1","1.9","1.5","2.5"\n'
    )
    assert "means" in log.notes


def test_wandbs_history_has_its_steps(written):
    (log,) = written(
        ",_step,_runtime,_timestamp,train/loss,grad_norm/head,parameters\n"
        '0,5,1.5,1700000000.5,2.5,0.1,"{""_type"": ""histogram""}"\n'
        "1,6,2.5,1700000001.5,2.4,,\n"
    )
    assert log.steps.tolist() == [5, 6]
    assert list(log.norms) == ["head"]


def test_tensorboards_csv_is_what_its_reader_says(written):
    text = "Wall time,Step,Value\n1654943296.2,0,59.3\n1654943313.7,1,64.7\n"
    (log,) = written(text, accuracy="Value")
    assert taken(log)["accuracy"] == pytest.approx({0: 0.593, 1: 0.647})
    (log,) = written(text, loss="Value")
    assert taken(log)["loss"] == {0: 59.3, 1: 64.7}


def test_lightnings_blank_cells_are_no_readings(written):
    (log,) = written(
        "epoch,step,train_loss_step,train_loss_epoch,val_knn_top1,val_knn_top5,lr-AdamW\n"
        "0,9,2.3,,,,0.001\n0,19,2.1,,,,0.002\n0,19,,,0.31,0.6,\n0,19,,2.2,,,\n"
        "1,29,2.0,,,,0.002\n1,39,,,0.35,0.7,\n"
    )
    assert log.axis == "step"
    assert taken(log)["loss"] == {9: 2.3, 19: 2.1, 29: 2.0}
    assert taken(log)["accuracy"] == {19: 0.31, 39: 0.35}
    assert taken(log)["rate"] == {9: 0.001, 19: 0.002, 29: 0.002}


def test_lightnings_norms_are_those_of_weights_and_not_of_the_total(written):
    (log,) = written(
        "grad_2.0_norm/backbone.patch_embed.proj.weight,"
        "grad_2.0_norm/backbone.patch_embed.proj.bias,grad_2.0_norm/head.weight,"
        "grad_2.0_norm_total,step\n1,2,3,4,0\n1,2,3,4,1\n"
    )
    assert log.norms["head"].tolist() == [3, 3]
    assert "backbone.patch_embed.proj" in log.norms
    assert not [name for name in log.norms if name.endswith("bias")]


def test_timms_summary_names_its_columns_again_when_a_run_goes_on(written):
    head = "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n"
    (log,) = written(
        f"{head}0,6.85,6.64,0.872,3.34,1e-3\n{head}1,6.1,4.6,14.98,33.5,5e-4\n"
    )
    assert log.axis == "epoch"
    assert taken(log) == {
        "accuracy": pytest.approx({0: 0.00872, 1: 0.1498}),
        "loss": {0: 6.85, 1: 6.1},
        "rate": {0: 1e-3, 1: 5e-4},
    }


def test_a_log_of_dino_or_mae_is_a_json_a_line_and_may_be_torn(written):
    (log,) = written(
        '{"train_loss": 9.9, "train_lr": 1e-4, "train_wd": 0.04, "epoch": 0}\n'
        '{"train_loss": 8.9, "train_lr": 2e-4, "train_wd": 0.04, "epoch": 1, '
        '"test_loss": 3.2, "test_acc1": 31.5, "test_acc5": 60.0}\n{"train_lo'
    )
    assert taken(log)["accuracy"] == {1: 0.315}
    assert taken(log)["loss"] == {0: 9.9, 1: 8.9}
    assert log.axis == "epoch"


def test_metrics_of_dinov2_are_said_to_be_medians(written):
    row = {"iteration": 530, "iter_time": 1.26, "data_time": 0.0003, "lr": 2.9e-05}
    row |= {"wd": 0.04, "mom": 0.992, "last_layer_lr": 0.0, "current_batch_size": 16.0}
    row |= {"total_loss": 13.7, "dino_local_crops_loss": 9.8, "koleo_loss": -0.008}
    (log,) = written(f"{json.dumps(row)}\n{json.dumps(row | {'iteration': 540})}\n")
    assert taken(log)["loss"] == {530: 13.7, 540: 13.7}
    assert taken(log)["rate"] == {530: 2.9e-05, 540: 2.9e-05}
    assert "medians" in log.notes


MOCO_V3 = (
    "Use GPU: 0 for training\n=> creating model 'vit_base'\n"
    "Epoch: [3][  0/312]\tTime  0.932 ( 0.932)\tData  0.148 ( 0.148)\t"
    "Loss 9.8812e+00 (9.8812e+00)\tAcc@1  50.00 ( 50.00)\tAcc@5 100.00 (100.00)\n"
    "Epoch: [3][ 40/312]\tTime  0.085 ( 0.163)\tData  0.000 ( 0.019)\t"
    "Loss 9.5000e+00 (9.9300e+00)\tAcc@1  25.00 ( 55.68)\tAcc@5 100.00 (100.00)\n"
)


def test_what_moco_v3_prints_is_the_loss_of_a_step_and_no_accuracy_of_features(written):
    (log,) = written(MOCO_V3)
    assert taken(log)["loss"] == {3 * 312: 9.8812, 3 * 312 + 40: 9.5}
    # it tells two views of an image apart
    assert taken(log)["accuracy"] == {}
    (log,) = written(MOCO_V3, accuracy="train Acc@1")
    assert taken(log)["accuracy"] == {936: 0.5, 976: 0.25}


def test_its_probes_test_is_an_accuracy(written):
    (log,) = written(MOCO_V3 + " * Acc@1 66.500 Acc@5 87.100\n")
    assert taken(log)["accuracy"] == pytest.approx({976: 0.665})


def test_what_dino_prints_is_read_the_same_way(written):
    (log,) = written(
        "Epoch: [3/100]  [ 40/312]  eta: 0:04:10  loss: 9.5 (9.9)  "
        "lr: 0.0005 (0.0004)  wd: 0.0406 (0.0406)  time: 0.61  data: 0.0002\n"
    )
    assert taken(log)["loss"] == {3 * 312 + 40: 9.5}
    assert "medians" in log.notes


HISTORY = [
    {
        "epoch": 0.02,
        "grad_norm": 1.5,
        "learning_rate": 4.9e-5,
        "loss": 2.1,
        "step": 500,
    },
    {"epoch": 0.02, "eval_accuracy": 0.5, "eval_loss": 2.0, "step": 500},
    {
        "epoch": 0.04,
        "grad_norm": 1.2,
        "learning_rate": 4.8e-5,
        "loss": 2.0,
        "step": 600,
    },
    {"epoch": 0.04, "step": 600, "total_flos": 6.5e16, "train_loss": 2.05},
]


@pytest.mark.parametrize("indent", [None, 2])
def test_the_trainers_state_of_hugging_face_is_its_history(written, indent):
    state = {"best_metric": None, "log_history": HISTORY, "max_steps": 600}
    (log,) = written(json.dumps(state, indent=indent))
    assert taken(log)["loss"] == {500: 2.1, 600: 2.0}
    assert taken(log)["accuracy"] == {500: 0.5}
    assert log.norms["whole gradient"].tolist() == [1.5, 1.2]


def test_so_is_what_it_prints(written):
    lines = "\n".join(str({k: v for k, v in row.items()}) for row in HISTORY[:3])
    (log,) = written(f"  0%|          | 0/600\n{lines.replace('2.0', 'nan')}\n")
    assert taken(log)["loss"] == {500: 2.1}


def test_lists_by_name_and_lists_of_rows_are_tables(written):
    (log,) = written('{"loss": [3, 2, 1], "val_accuracy": [0.1, 0.2, 0.3]}')
    assert (log.axis, taken(log)["accuracy"]) == ("row", {1: 0.1, 2: 0.2, 3: 0.3})
    (log,) = written('[{"iter": 5, "loss": 3}, {"iter": 6, "loss": 2}]')
    assert taken(log)["loss"] == {5: 3, 6: 2}
    (log,) = written("[[1.5e9, 0, 0.5], [1.5e9, 1, 0.6]]", accuracy="Value")
    assert taken(log)["accuracy"] == {0: 0.5, 1: 0.6}


@pytest.mark.parametrize(
    "text",
    [
        "step,knn,loss\n0,0.51,3.2\n10,0.55,3.1\n",
        "step\tknn\tloss\n0\t0.51\t3.2\n10\t0.55\t3.1\n",
        "step   knn   loss\n0   0.51 3.2\n10  0.55 3.1\n",
        "sep=;\r\nstep;knn;loss\r\n0;51,0;3,2\r\n10;55,0;3,1\r\n",
        '\n"step","knn","the\nloss",\n"0","51 %","3.2",\n"10","55%","3.1",\n',
        '{"step": 0, "knn": 0.51, "loss": 3.2}\n'
        '{"step": 10, "knn": 0.55, "loss": 3.1}\n',
        '{"step": 0, "eval": {"knn": 51}, "train": {"loss": 3.2}}\n'
        '{"step": 10, "eval": {"knn": 55}, "train": {"loss": 3.1}}\n',
    ],
    ids=["csv", "tsv", "spaces", "semicolons", "quoted", "jsonl", "nested"],
)
def test_any_table_will_do(written, text):
    (log,) = written(text)
    assert taken(log)["accuracy"] == pytest.approx({0: 0.51, 10: 0.55})
    assert taken(log)["loss"] == {0: 3.2, 10: 3.1}


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]
)
def test_so_will_any_encoding(written, encoding):
    text = "step,knn,Größe\n" + "".join(f"{i},0.{i}5,1\n" for i in range(1, 9))
    (log,) = written(text.encode(encoding))
    assert taken(log)["accuracy"] == {i: float(f"0.{i}5") for i in range(1, 9)}


def test_parquet_may_hold_several_runs(tmp_path, written):
    table = pd.DataFrame({"run": ["a", "a", "b"], "step": [1, 2, 1]})
    table["knn"] = [0.5, None, 0.7]
    table["grad_inf/head"] = [1.0, 2.0, 3.0]
    table["note"] = ["x", "y", "z"]
    table.to_parquet(tmp_path / "table")
    first, second = logs.read(tmp_path / "table")
    assert (first.title, second.title) == ("a", "b")
    assert taken(first)["accuracy"] == {1: 0.5}
    assert first.norms["head"].tolist() == [1, 2]


def test_a_run_is_read_by_its_folder_and_by_its_files(tmp_path):
    run = plant(tmp_path, shaking(0.01, 0), norms={"projector.0": np.arange(1, 241)})
    (whole,) = logs.read(run.folder)
    assert whole.warmup == run.recipe.warmup_steps
    (packed,) = logs.read(run.folder / "steps.parquet")
    table = step_table.read(run.folder / "steps.parquet")
    lines = tmp_path / "steps.jsonl"
    lines.write_text(table.to_json(orient="records", lines=True))
    (plain,) = logs.read(lines)
    for log in (packed, plain):
        assert taken(log)["accuracy"] == pytest.approx(taken(whole)["accuracy"])
        assert list(log.norms) == list(whole.norms)
    assert packed.norms["projector.0"].tolist() == whole.norms["projector.0"].tolist()


def test_events_of_tensorboard_are_a_log_a_folder(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for name, offset in (("first", 0), ("second", 0.1)):
        with tensorboard.SummaryWriter(str(tmp_path / name)) as writer:
            for step in range(3):
                writer.add_scalar("knn", 0.5 + offset, step)
                writer.add_text("note", "0.7", step)
            writer.add_scalar("train/loss", 2.0, 2)
    first, second = logs.read(tmp_path)
    assert (first.title, second.title) == ("first", "second")
    assert taken(second)["accuracy"] == pytest.approx({0: 0.6, 1: 0.6, 2: 0.6})
    assert taken(first)["loss"] == {2: 2.0}
    (file,) = (tmp_path / "first").iterdir()
    (log,) = logs.read(file)
    assert taken(log)["accuracy"] == {0: 0.5, 1: 0.5, 2: 0.5}
