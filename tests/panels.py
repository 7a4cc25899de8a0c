"""A panel of the built page: moved as a reader would, read as a reader would.

What it should show is in the JSON that it was given; `one` is that of a panel.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from urllib.parse import parse_qs, urlsplit

import numpy as np

from mocolib import words

THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_UP)


def short(value: float) -> str:
    """A number as the page writes it: JavaScript rounds an exact half up."""
    return words.short(float(THREE_DIGITS.create_decimal(Decimal(value))))


def each(data: dict, kind: str):
    return [(id, one) for id, one in data.items() if id.startswith(kind)]


def setting(page, id: str, one: dict) -> list[int]:
    """What a panel shows, by the page's address."""
    [text] = parse_qs(urlsplit(page.url).query).get(id, [""])
    return [int(i) for i in text.split("_")[0].split(".")] if text else one["start"]


def places(axis: dict) -> list[int]:
    """Minimum, middle and maximum of a slider; every word of a switch."""
    last = len(axis["words"]) - 1
    if axis["kind"] == "switch":
        return list(range(last + 1))
    return sorted({0, last // 2, last}, reverse=True)


def move(panel, k: int, axis: dict, place: int) -> None:
    """Bring a control to a place, the last step of the way by keyboard.

    The last word of a switch is clicked on.
    """
    control = panel.locator(f"[data-axis='{k}']")
    if axis["kind"] == "switch" and place == len(axis["words"]) - 1:
        control.nth(place).check()
    elif axis["kind"] == "switch":
        control.nth(place).press("Space")
    elif place == 0:
        control.press("Home")
    else:
        control.fill(str(place - 1))
        control.press("ArrowRight")


def moves(page, id: str, one: dict):
    """Move every control everywhere; what is shown and the setting, after each move."""
    panel = page.locator(f"#{id}")
    for k, axis in enumerate(one["axes"]):
        if len(axis["words"]) < 2:
            assert panel.locator(f"[data-axis='{k}']").count() == 0
            continue
        for place in places(axis):
            move(panel, k, axis, place)
            at = setting(page, id, one)
            assert at[k] == place
            seen = look(panel)
            check_controls(seen, one["axes"], at)
            yield seen, at


# All that a panel shows, asked for in one go: each question waits for the page.
LOOK = """panel => ({
  axes: Object.fromEntries([...new Set(
    [...panel.querySelectorAll("[data-axis]")].map(one => one.dataset.axis),
  )].map(axis => {
    const all = [...panel.querySelectorAll(`[data-axis="${axis}"]`)], [one] = all;
    const output = panel.querySelector(`output[for="${one.id}"]`);
    const slider = { spoken: one.getAttribute("aria-valuetext"),
      said: output?.innerText };
    return [axis, one.type === "range" ? slider : all.findIndex(two => two.checked)];
  })),
  x: panel.querySelector("select.x")?.value,
  charts: Object.fromEntries([...panel.querySelectorAll("svg[data-key]")].map(svg => {
    const lines = [...svg.querySelectorAll("path.line")];
    // the words along its y axis
    const ticks = svg.querySelectorAll("text[text-anchor=end]:not(.label, .said)");
    return [svg.dataset.key, { label: svg.getAttribute("aria-label"),
      last: lines.at(-1)?.getAttribute("d"),
      styles: lines.map(line => line.getAttribute("stroke") +
        line.getAttribute("stroke-dasharray")),
      seeds: svg.querySelectorAll("path.seed").length,
      ticks: [...ticks].map(text => text.textContent) }];
  })),
  heard: panel.querySelector(".heard")?.textContent,
  rows: [...panel.querySelectorAll("tbody tr")].map(row => row.innerText),
})"""


def look(panel) -> dict:
    return panel.evaluate(LOOK)


def check_controls(seen: dict, axes: list, at: list) -> None:
    """Each control stands where the setting is, for eyes and for ears."""
    for k, (axis, i) in enumerate(zip(axes, at, strict=True)):
        if len(axis["words"]) < 2:
            continue
        if axis["kind"] == "switch":
            assert seen["axes"][str(k)] == i
        else:
            slider = {"spoken": axis["spoken"][i], "said": axis["words"][i]}
            assert seen["axes"][str(k)] == slider


def group_at(one: dict, at: list) -> dict:
    [group] = [g for g in one["groups"] if g["at"] == at]
    return group


def name_of(one: dict, at: list) -> str:
    return ", ".join(a["spoken"][i] for a, i in zip(one["axes"], at, strict=True))


def check_curves(seen: dict, one: dict, at: list) -> None:
    """The strong curve of every chart is the recorded one, point by point."""
    group = group_at(one, at)
    for drawn_of in one["charts"]:
        place, values = group["lines"].get(drawn_of["key"]) or (0, [])
        if len(values) < 2:
            continue
        steps = one["steps"][place]
        chart = seen["charts"][drawn_of["key"]]
        assert f"{name_of(one, at)} ends at {short(values[-1])}" in chart["label"]
        drawn = np.array(re.findall(r"([-\d.]+) ([-\d.]+)", chart["last"]), float)
        assert len(drawn) == len(steps)
        assert straight(drawn[:, 0], steps)
        assert straight(-drawn[:, 1], np.log10(values) if drawn_of["log"] else values)
        assert ("images seen" in chart["label"]) == (seen["x"] == "images")
        others = sum(bool(other.get(drawn_of["key"])) for other in group["others"])
        assert chart["seeds"] >= others


def straight(pixels, values) -> bool:
    """Whether values lie on a linear scale, to a tenth of a pixel and four digits."""
    pixels, values = np.asarray(pixels, float), np.asarray(values, float)
    low, high = values.argmin(), values.argmax()
    if values[low] == values[high]:
        return np.ptp(pixels) < 0.2
    scale = (pixels[high] - pixels[low]) / (values[high] - values[low])
    off = pixels - pixels[low] - scale * (values - values[low])
    return scale > 0 and np.abs(off).max() < 0.25


def check_words(seen: dict, one: dict, at: list) -> None:
    """The sentence and the table say what was recorded."""
    group, said, row = group_at(one, at), seen["heard"], seen["rows"][0]
    assert f"Shown: {name_of(one, at)}; {len(group['seeds'])} run" in said
    assert name_of(one, at) in row
    for fact, (mean, *_) in group["facts"].items():
        if mean is not None:
            assert f"{fact} {short(mean)}" in said
            assert short(mean) in row
    for drawn in one["charts"]:
        if values := (group["lines"].get(drawn["key"]) or ([], []))[1]:
            ends = f"from {short(values[0])} to {short(values[-1])}"
            assert f"{drawn['title']} goes {ends}" in said


# What a press changes is drawn before the press has ended. A test of what is drawn in
# many settings reaches them so, in one go; that real keys and clicks reach them as
# well is seen by `moves`.
JUMP = """panel => at => { for (const round of [0, 1]) at.forEach((place, axis) => {
  const all = panel.querySelectorAll(`[data-axis="${axis}"]`);
  if (!all.length) return;
  const range = all[0].type === "range", one = range ? all[0] : all[place];
  if (range) one.value = place; else one.checked = true;
  one.dispatchEvent(new Event("input", { bubbles: true }));
}) }"""
KEEP = f"""(panel, all) => {{ for (const at of all) {{
  ({JUMP})(panel)(at);
  panel.querySelector(".keep:not([aria-disabled=true])")?.click();
}} return panel.querySelectorAll("[data-drop]").length }}"""
DROP = f"""(panel, [count, at]) => {{
  for (let n; (n = panel.querySelectorAll("[data-drop]").length) > count;) {{
    panel.querySelectorAll("[data-drop]")[n - 1].click();
    if (panel.querySelectorAll("[data-drop]").length >= n) throw "nothing was dropped";
  }}
  ({JUMP})(panel)(at);
}}"""


def go_to(panel, at: list) -> None:
    """Show a recorded setting; some controls move others."""
    panel.evaluate(f"(panel, at) => ({JUMP})(panel)(at)", at)


def keep(panel, settings: list) -> int:
    """Keep the curves of these settings, as far as it may be; how many there are."""
    return panel.evaluate(KEEP, settings)


def drop(panel, count: int, at: list) -> None:
    """Let the last curves go until `count` are kept, and show a setting."""
    panel.evaluate(DROP, [count, at])
