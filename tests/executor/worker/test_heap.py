import gc
import weakref

from executor.worker.heap import settle


def test_what_is_there_is_passed_over_and_what_comes_later_is_not():
    class Thing:
        pass

    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        settle()
        assert gc.get_freeze_count() > before + 1000
        thing = Thing()
        thing.itself = thing
        gone = weakref.ref(thing)
        del thing
        gc.collect()
        assert gone() is None
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
