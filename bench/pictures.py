"""Draws how cost grows with cameras and with viewers."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.results import Results, Row

WIDTH, HEIGHT, DPI = 9.0, 3.2, 110


def draw(found: Results, folder: Path) -> None:
    """Write a picture for each thing that grew: CPU by part, memory, and age of the picture, by its number."""
    mpl.use("Agg")
    for what, steps in found.steps.items():
        if steps:
            _draw(what, steps, folder / f"{what}.png")


def _draw(what: str, steps: list[Row], file: Path) -> None:
    numbers = [step["number"] for step in steps]
    figure, (cpu, memory, age) = plt.subplots(1, 3, figsize=(WIDTH, HEIGHT), layout="constrained")
    parts = list(steps[0]["cores"])
    cpu.stackplot(numbers, *([step["cores"][part] for step in steps] for part in parts), labels=parts, alpha=0.8)
    cpu.axhline(2, color="black", linewidth=0.8, linestyle=":")
    cpu.set(title="CPU, cores", xlabel=what)
    cpu.legend(loc="upper left", fontsize=7)
    memory.plot(numbers, [sum(step["rss_mb"].values()) for step in steps], marker="o")
    memory.set(title="memory, MB", xlabel=what, ylim=(0, None))
    for share, name in (("age_p50_ms", "p50"), ("age_p99_ms", "p99")):
        age.plot(numbers, [step[share] for step in steps], marker="o", label=name)
    age.set(title="age on arrival, ms", xlabel=what, yscale="log")
    age.legend(fontsize=7)
    figure.savefig(file, dpi=DPI)
    plt.close(figure)
