import sys
from pathlib import Path

from executor.queue.jobs import JobState, NewJob
from executor.worker.notices import CatalogueChanged, PackMessage
from executor.worker.service import Service
from tests.executor.worker.service_kit import closed, until

MAIN = Path(__file__).resolve().parents[3] / "main.py"
PACK = """
from server import PromptServer

class Loud:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"default": ""})}}
    RETURN_TYPES = ("STRING",)
    FUNCTION = "shout"
    CATEGORY = "test"
    @classmethod
    def VALIDATE_INPUTS(cls, text):
        return True if text else "there is nothing to shout"
    def shout(self, text):
        PromptServer.instance.send_sync("loud", {"text": text.upper()}, "me")
        return {"ui": {"text": [text.upper()]}, "result": (text.upper(),)}

NODE_CLASS_MAPPINGS = {"NAME": Loud}
"""


def write_pack(base, name):
    place = base / "custom_nodes"
    place.mkdir(exist_ok=True)
    (place / f"{name}.py").write_text(PACK.replace("NAME", name))


def graph(kind, text):
    return {
        "1": {"class_type": kind, "inputs": {"text": text}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


async def test_packs_join_the_catalogue_run_speak_and_are_looked_for_again(tmp_path):
    write_pack(tmp_path, "LoudPack")
    (tmp_path / "custom_nodes" / "broken.py").write_text("import nothing_of_the_kind")
    command = [sys.executable, str(MAIN), "worker", "--cpu", "--base-directory", str(tmp_path)]
    service = Service(tmp_path / "queue.db", command, tmp_path / "catalogue.json")
    heard = []
    service.listen(heard.append)
    await service.start()
    try:
        await until(lambda: service.worker_state == "ready")
        reports = {Path(report["path"]).stem: report for report in service.packs}
        assert reports["LoudPack"]["error"] is None
        assert "nothing_of_the_kind" in reports["broken"]["error"]
        await service.submit(NewJob("a", graph("LoudPack", "hello"), targets=("2",)))
        await closed(heard, "a")
        row = await service.job("a")
        assert row.failure is None
        assert (row.state, row.outputs["2"]) == (JobState.SUCCEEDED, {"text": ["HELLO"]})
        said = [told.event for told in heard if isinstance(told.event, PackMessage)]
        assert said == [PackMessage("loud", {"text": "HELLO"}, "me")]
        (problem,) = await service.validate(graph("LoudPack", ""), ("2",), timeout=30) or ()
        assert "there is nothing to shout" in str(problem)
        write_pack(tmp_path, "LouderPack")
        heard.clear()
        assert await service.doors.look_again(60)
        await until(lambda: any(isinstance(told.event, CatalogueChanged) for told in heard))
        assert {"LoudPack", "LouderPack", "KSampler"} <= set(service.specs)
        await service.submit(NewJob("b", graph("LouderPack", "again"), targets=("2",)))
        await closed(heard, "b")
        assert (await service.job("b")).outputs["2"] == {"text": ["AGAIN"]}
    finally:
        await service.stop()
