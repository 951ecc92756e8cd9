import threading

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from shared.frames.ledger import MAX_CAMERAS, OTHER, Reason
from tests.ledgers import ledger_of


def test_the_names_are_those_of_the_contract() -> None:
    """Dashboards depend on names and labels, in both formats of Prometheus."""
    registry = CollectorRegistry()
    ledger = ledger_of("consumer", registry)
    ledger.out("front", age_s=0.05)
    ledger.dropped("front", Reason.SKIPPED, 3)
    ledger.lost_upstream("front", 2)

    openmetrics: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    for text in (generate_latest(registry).decode(), openmetrics.decode()):
        lines = text.splitlines()
        assert 'consumer_frames_in_total{camera="front"} 4.0' in lines
        assert 'consumer_frames_out_total{camera="front"} 1.0' in lines
        assert 'consumer_frames_dropped_total{camera="front",reason="skipped"} 3.0' in lines
        assert 'consumer_frames_lost_upstream_total{camera="front"} 2.0' in lines
        assert 'consumer_frame_age_seconds_bucket{camera="front",le="0.06"} 1.0' in lines
        assert 'consumer_frame_age_seconds_count{camera="front"} 1.0' in lines

    assert registry.get_sample_value("consumer_frames_in_total", {"camera": "front"}) == 4
    assert registry.get_sample_value("consumer_frame_age_seconds_sum", {"camera": "front"}) == 0.05


def test_the_books_balance_at_each_scrape() -> None:
    """While several threads write, every reading says in = out + what was dropped, and nothing is lost in the end."""
    registry = CollectorRegistry()
    ledger = ledger_of("video", registry)
    rounds, writers = 3000, 4
    begin = threading.Barrier(writers + 1)

    def write() -> None:
        begin.wait()
        for number in range(rounds):
            ledger.out("a", age_s=None)
            ledger.dropped("a", (Reason.SKIPPED, Reason.SUPERSEDED)[number % 2], 2)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    begin.wait()
    scrapes = 0
    while scrapes == 0 or any(thread.is_alive() for thread in threads):
        sums: dict[str, float] = {}
        for metric in ledger.collect():
            for sample in metric.samples:
                sums[sample.name] = sums.get(sample.name, 0) + sample.value
        if sums:
            assert sums["video_frames_in_total"] == (
                sums["video_frames_out_total"] + sums.get("video_frames_dropped_total", 0)
            )
        account = ledger.as_json().get("a", {"in": 0, "out": 0, "dropped": {}})
        assert account["in"] == account["out"] + sum(account["dropped"].values())
        scrapes += 1

    assert ledger.as_json()["a"] == {
        "in": writers * rounds * 3,
        "out": writers * rounds,
        "dropped": {"skipped": writers * rounds, "superseded": writers * rounds},
        "lost_upstream": 0,
    }


def test_what_was_lost_before_never_was_in() -> None:
    """Losses upstream are beside the books of this stage."""
    ledger = ledger_of("video")
    ledger.lost_upstream("a", 7)

    assert ledger.as_json()["a"] == {"in": 0, "out": 0, "dropped": {}, "lost_upstream": 7}


def test_no_frames_are_no_entry() -> None:
    """Zero frames leave no trace."""
    ledger = ledger_of("video")
    ledger.dropped("a", Reason.SKIPPED, 0)
    ledger.lost_upstream("a", 0)

    assert ledger.as_json() == {}


def test_an_open_account_shows_zeros() -> None:
    """A camera that has not given a frame yet is there to be seen."""
    registry = CollectorRegistry()
    ledger_of("producer", registry).open("front")

    assert registry.get_sample_value("producer_frames_in_total", {"camera": "front"}) == 0
    assert registry.get_sample_value("producer_frames_out_total", {"camera": "front"}) == 0


def test_an_age_of_clocks_that_disagree_is_left_out() -> None:
    """Such a frame is counted, and not in the histogram; a little less than nothing is nothing."""
    registry = CollectorRegistry()
    ledger = ledger_of("video", registry)
    ledger.out("a", age_s=None)
    assert registry.get_sample_value("video_frame_age_seconds_count", {"camera": "a"}) is None

    ledger.out("a", age_s=-0.001)
    assert registry.get_sample_value("video_frame_age_seconds_bucket", {"camera": "a", "le": "0.005"}) == 1
    assert registry.get_sample_value("video_frame_age_seconds_sum", {"camera": "a"}) == 0


def test_forged_ids_do_not_grow_the_metrics() -> None:
    """Beyond the cap all further ids are counted as one, in counters and histogram alike."""
    registry = CollectorRegistry()
    ledger = ledger_of("video", registry)
    for number in range(MAX_CAMERAS + 50):
        ledger.out(f"camera-{number}", age_s=0.1)
    ledger.out("camera-3", age_s=0.1)

    accounts = ledger.as_json()
    assert len(accounts) == MAX_CAMERAS + 1
    assert accounts[OTHER]["out"] == 50
    assert accounts["camera-3"]["out"] == 2
    assert registry.get_sample_value("video_frame_age_seconds_count", {"camera": OTHER}) == 50
    assert registry.get_sample_value("video_frame_age_seconds_count", {"camera": f"camera-{MAX_CAMERAS}"}) is None
