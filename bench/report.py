"""Writes the results as a table: bench/results/README.md with all of it, and a short one into the README."""

from bench.markdown import table
from bench.results import FOLDER, Results, Row
from local.readme import README

BEGIN, END = "<!-- bench: written by `make bench` -->", "<!-- bench end -->"


def publish(found: Results) -> None:
    """Write JSON, table and pictures to bench/results/, and the short table into the README."""
    from bench import pictures  # here, because only this needs matplotlib

    found.write(FOLDER / "results.json")
    (FOLDER / "README.md").write_text(markdown(found), encoding="utf-8")
    pictures.draw(found, FOLDER)
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{short(found)}\n{END}{after}", encoding="utf-8")


def markdown(found: Results) -> str:
    """Return everything as Markdown."""
    lines = ["# Results", "", "Written by `make bench`; [how to read a row](../README.md).", "", _ran_on(found), ""]
    if rows := found.tables.get("rtsp"):
        lines += ["## One RTSP camera of 720p25, one viewer, a model at 10 requests a second", "", *_cameras(rows)]
    if rows := found.tables.get("mjpeg"):
        lines += ["## The same with a camera that sends MJPEG itself", "", *_cameras(rows)]
    if rows := found.tables.get("fan-out"):
        lines += ["## One camera of 137 KB a picture at 25 fps, 200 viewers", "", *_servers(rows)]
    if rows := found.tables.get("crowd"):
        lines += ["## 500 viewers on one core", "", *_crowd(rows)]
    for what, steps in found.steps.items():
        if not steps:
            continue
        lines += [f"## Ever more {what}, until two cores are full", "", *_steps(steps), f"![{what}]({what}.png)", ""]
    if found.ratios:
        lines += ["## Ratios", "", "CPU time, ours to the reference's, measured in turns in this run.", ""]
        lines += table(("ratio", "value"), ((name, f"{value:.2f}") for name, value in found.ratios.items()))
    lines += [f"Skipped: {name}: {why}" for name, why in found.skipped.items()]
    return "\n".join(lines).rstrip() + "\n"


def short(found: Results) -> str:
    """Return what the README shows."""
    camera = (
        "one RTSP camera of 720p25, a model, one viewer",
        "shown",
        "CPU per shown picture",
        "broker",
        "latency p50, p99",
    )
    viewers = ("200 viewers of 137 KB at 25 fps", "CPU per MB delivered", "memory")
    lines = table(camera, (_short_row(name, row) for name, row in found.tables.get("rtsp", {}).items()))
    lines += table(
        viewers,
        (
            (name, f"{row['us_per_mb']:.0f} µs", f"{row['rss_mb']:.0f} MB")
            for name, row in found.tables.get("fan-out", {}).items()
        ),
    )
    if found.steps.get("cameras"):
        lines += ["![CPU, memory and age for ever more cameras](bench/results/cameras.png)", ""]
    lines += [f"[All of it](bench/results/README.md). {_ran_on(found)}"]
    return "\n".join(lines)


def _ran_on(found: Results) -> str:
    return "Measured on " + "; ".join(f"{name} {value}" for name, value in found.machine.items()) + "."


def _short_row(name: str, row: Row) -> tuple[str, ...]:
    p50, p99 = row["latency_ms"].values()
    broker = f"{row['broker_ms']:.1f} ms" if "broker" in row["cpu_ms"] else "none"
    return (
        name,
        f"{row['fps']:.1f} a second",
        f"{row['services_ms']:.1f} ms",
        broker,
        f"{p50:.0f}, {p99:.0f} ms",
    )


def _cameras(rows: dict[str, Row]) -> list[str]:
    header = (
        *("system", "shown/s", "CPU ms per shown picture", "of which", "broker ms", "p50 ms", "p99 ms", "MB"),
        "KB per record",
    )

    def cells(name: str, row: Row) -> tuple[str, ...]:
        p50, p99 = row["latency_ms"].values()
        parts = ", ".join(f"{part} {ms:.1f}" for part, ms in row["cpu_ms"].items() if part not in {"broker", "server"})
        memory = sum(mb for part, mb in row["rss_mb"].items() if part != "broker")
        sizes = ", ".join(f"{topic} {size:.1f}" for topic, size in row["kilobytes"].items() if size)
        broker = f"{row['broker_ms']:.1f}" if "broker" in row["cpu_ms"] else "none"
        return (
            *(name, f"{row['fps']:.1f}", f"{row['services_ms']:.2f}", parts, broker, f"{p50:.1f}", f"{p99:.1f}"),
            *(f"{memory:.0f}", sizes),
        )

    return table(header, (cells(name, row) for name, row in rows.items()))


def _servers(rows: dict[str, Row]) -> list[str]:
    header = (
        *("server", "CPU µs per MB delivered", "each round", "cores", "MB/s", "slowest viewer", "age p99 ms", "MB"),
    )

    def cells(name: str, row: Row) -> tuple[str, ...]:
        every = ", ".join(f"{value:.0f}" for value in row["every_us_per_mb"])
        age = f"{row['age_ms']['0.99']:.0f}" if row["age_ms"] else ""
        return (
            *(name, f"{row['us_per_mb']:.0f}", every, f"{row['cores']:.2f}", f"{row['mb_per_s']:.0f}"),
            *(f"{row['least']:.2f}", age, f"{row['rss_mb']:.0f}"),
        )

    return table(header, (cells(name, row) for name, row in rows.items()))


def _crowd(rows: dict[str, Row]) -> list[str]:
    header = ("load", "of the core", "pictures a second sent", "got by the slowest viewer", "age p50, p99 ms")

    def cells(name: str, row: Row) -> tuple[str, ...]:
        got = row["mb_per_s"] * 1e3 / row["kilobytes"] / row["viewers"]
        p50, p99 = row["age_ms"].values() or (-1.0, -1.0)
        return name, f"{row['cores']:.0%}", f"{row['fps']}", f"{got * row['least']:.1f}", f"{p50:.0f}, {p99:.0f}"

    return table(header, (cells(name, row) for name, row in rows.items()))


def _steps(steps: list[Row]) -> list[str]:
    parts = list(steps[0]["cores"])
    header = ("number", *(f"{part}: cores" for part in parts), "MB", "slowest", "age p50, p99 ms", "busy")

    def cells(step: Row) -> tuple[str, ...]:
        cores = (f"{step['cores'][part]:.2f}" for part in parts)
        ages = f"{step['age_p50_ms']:.0f}, {step['age_p99_ms']:.0f}"
        memory = f"{sum(step['rss_mb'].values()):.0f}"
        return str(step["number"]), *cores, memory, f"{step['rate']:.2f}", ages, f"{step['busy']:.0%}"

    return table(header, map(cells, steps))
