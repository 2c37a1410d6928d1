from executor.queue.affinity import MOST_PASSES, Affinity, model_files
from executor.queue.jobs import QueuedJob
from executor.queue.pending import PendingJobs
from nodes.api.spec import InputSpec, NodeSpec
from nodes.api.widgets import File

SPECS = {
    "Load": NodeSpec("Load", "Load", inputs=(InputSpec("name", "COMBO", widget=File("checkpoints")),)),
    "Picture": NodeSpec("Picture", "Picture", inputs=(InputSpec("image", "COMBO", widget=File("input")),)),
}
NOTHING = frozenset()


def make_job(sequence, *models, number=None):
    graph = {
        str(index): {"class_type": "Load", "inputs": {"name": name}} for index, name in enumerate(models)
    }
    return QueuedJob(f"{sequence}", sequence, sequence if number is None else number, graph, {}, (), 0.0)


def holds(*models):
    return frozenset(f"checkpoints/{name}" for name in models)


def choose(affinity, jobs, idle, busy=None):
    index, job = affinity.choose(PendingJobs(jobs), idle, busy or {}, SPECS)
    return index, job.sequence


def test_only_models_count_not_pictures_links_or_unknown_nodes():
    graph = {
        "1": {"class_type": "Load", "inputs": {"name": "a"}},
        "2": {"class_type": "Load", "inputs": {"name": ["1", 0]}},
        "3": {"class_type": "Picture", "inputs": {"image": "x.png"}},
        "4": {"class_type": "Gone", "inputs": {"name": "b"}},
        "5": "no node",
    }
    assert model_files(graph, SPECS) == holds("a")


def test_the_next_job_goes_to_the_worker_that_holds_its_models():
    idle = {0: NOTHING, 1: holds("a", "b"), 2: holds("c")}
    assert choose(Affinity(), [make_job(0, "a")], idle) == (1, 0)
    assert choose(Affinity(), [make_job(0, "c")], idle) == (2, 0)


def test_a_job_without_models_leaves_the_loaded_workers_alone():
    assert choose(Affinity(), [make_job(0)], {0: holds("a"), 1: NOTHING}) == (1, 0)


def test_a_job_whose_models_a_busy_worker_holds_is_passed_over_for_one_that_fits():
    jobs = [make_job(0, "b"), make_job(1, "a")]
    assert choose(Affinity(), jobs, {0: holds("a")}, {1: holds("b")}) == (0, 1)


def test_nothing_is_passed_over_without_gain():
    jobs = [make_job(0, "c"), make_job(1, "a")]
    assert choose(Affinity(), jobs, {0: holds("a")}, {1: holds("b")}) == (0, 0)
    jobs = [make_job(0, "b"), make_job(1, "c")]
    assert choose(Affinity(), jobs, {0: holds("a")}, {1: holds("b")}) == (0, 0)


def test_a_job_is_passed_over_a_few_times_only():
    affinity = Affinity()
    waiting = make_job(0, "b")
    chosen = [
        choose(affinity, [waiting, make_job(sequence, "a")], {0: holds("a")}, {1: holds("b")})[1]
        for sequence in range(1, MOST_PASSES + 2)
    ]
    assert chosen == [*range(1, MOST_PASSES + 1), 0]


def test_a_place_that_somebody_chose_is_kept():
    jobs = [make_job(5, "b", number=-5), make_job(1, "a")]
    assert choose(Affinity(), jobs, {0: holds("a")}, {1: holds("b")}) == (0, 5)
