import os
import time

from executor.temporary_files import remove_old


def test_only_old_files_of_the_folder_itself_are_removed(tmp_path):
    folder, elsewhere = tmp_path / "temp", tmp_path / "elsewhere"
    (folder / "inner").mkdir(parents=True)
    elsewhere.mkdir()
    old, new, inner, kept = (
        folder / "old.png",
        folder / "new.png",
        folder / "inner" / "old.png",
        elsewhere / "a",
    )
    for path in (old, new, inner, kept):
        path.write_bytes(b"x")
    (folder / "link").symlink_to(elsewhere)
    past = time.time() - 100_000
    for path in (old, inner, kept):
        os.utime(path, (past, past))
    assert remove_old(folder) == 2
    assert (old.exists(), inner.exists()) == (False, False)
    assert new.exists()
    assert kept.exists()
