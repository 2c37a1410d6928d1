"""Answers what a model file or folder is, why, and what can be had from it; weights are never read."""

import importlib.util
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from loaders.errors import BrokenFile
from loaders.identify import networks, parts
from loaders.identify.contents import GGUF, Contents, read_contents
from loaders.identify.folder import read_components
from loaders.identify.gguf_header import OPENED
from loaders.identify.kinds import (
    CHANGE,
    CONTROL,
    EMBEDDING,
    NETWORK,
    PREFIXES,
    TEXT,
    UPSCALER,
    VAE,
    VISION,
    Kind,
)
from loaders.identify.loras import lora_dialect, lora_family
from loaders.identify.networks import NETWORKS
from loaders.identify.parts import AUTOENCODERS, ENCODERS, OTHERS
from loaders.identify.places import Place, place_of
from loaders.identify.quantised import refused

_NEAREST = 3
_SHOWN_NAMES = 5
# Of CLIP-L, OpenCLIP-H and OpenCLIP-bigG.
TEXT_WIDTHS = (768, 1024, 1280)

# What a part is on a wire by its role, or by its kind where that says more.
_SOCKETS = {
    NETWORK: "MODEL",
    TEXT: "CLIP",
    VAE: "VAE",
    VISION: "CLIP_VISION",
    CONTROL: "CONTROL_NET",
    UPSCALER: "UPSCALE_MODEL",
    "style_model": "STYLE_MODEL",
    "ip_adapter": "IP_ADAPTER",
    "gligen": "GLIGEN",
    "photomaker": "PHOTOMAKER",
}
# Shows that what changes weights is but a part of a file, or a control network stored so.
_MORE_THAN_A_CHANGE = ("lora_controlnet", "id_encoder.fuse_module.mlp1.fc1.weight")
# Opened by the name of the whole, where both halves are there.
_HALF = "taesd_half"


@dataclass(frozen=True)
class Finding:
    """A part that a file holds.

    Attributes:
        role: what it is good for ("diffusion network", "autoencoder", ...).
        kind: id of its kind; that of the family for networks.
        title: as people call it.
        evidence: what shows it, in words.
        tensors: how many tensors stand under its prefix.
    """

    role: str
    kind: str
    title: str
    evidence: str
    tensors: int

    @property
    def is_opened(self) -> bool:
        """Whether it can be opened here, or is known by name only."""
        return not self.lack

    @property
    def lack(self) -> str:
        """Why it cannot be opened here; empty where it can."""
        if self.kind in (networks.OPENED if self.role == NETWORK else parts.OPENED):
            return ""
        if self.kind not in parts.BY_SPANDREL:
            return "known by name; it cannot be opened yet"
        is_there = importlib.util.find_spec("spandrel") is not None
        return "" if is_there else "opened by the optional library spandrel, which is not installed"

    @property
    def socket(self) -> str:
        """The type of wire it goes out by; empty where none does."""
        if not self.is_opened or self.kind == _HALF:
            return ""
        return _SOCKETS.get(self.kind) or _SOCKETS.get(self.role, "")


@dataclass(frozen=True)
class Verdict:
    """What a file is.

    Attributes:
        path: the file or folder.
        contents: its header; None where it could not be read.
        findings: the parts it holds, most important first.
        problem: why nothing can be had from it; empty where something can.
        nearest: (title, first thing it lacks) of the kinds it comes closest to, where none fits.
    """

    path: Path
    contents: Contents | None
    findings: tuple[Finding, ...]
    problem: str = ""
    nearest: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if not self.findings:
            return "unusable" if self.contents is None else "unknown"
        main, *others = self.findings
        if main.role == NETWORK and {VAE, TEXT} & {other.role for other in others}:
            return f"checkpoint of {main.title}"
        return main.title if main.role in main.title.lower() else f"{main.title} ({main.role})"

    @property
    def sockets(self) -> tuple[str, ...]:
        """Types of wire that can be had from it; text encoders only with a network that is opened."""
        if self.problem:
            return ()
        is_foreign = any(one.role == NETWORK and not one.is_opened for one in self.findings)
        found = (one.socket for one in self.findings if not (is_foreign and one.role == TEXT))
        return tuple(dict.fromkeys(socket for socket in found if socket))

    @property
    def place(self) -> Place | None:
        """The model folder in which it is looked for, and by which node; None where none opens it."""
        if not self.findings or not self.findings[0].is_opened or self.path.is_dir():
            return None
        if self.problem:
            return None
        main, *others = self.findings
        return place_of(main.role, main.kind, [other.role for other in others])

    def lines(self) -> list[str]:
        """The verdict in plain words, a line each."""
        lines = [f"{self.path.name}: {self.title}"]
        if self.problem:
            lines.append(f"  {self.problem}")
        for one in self.findings:
            lack = f" ({one.lack})" if one.lack else ""
            lines.append(f"  {one.role}: {one.title}{lack}, because {one.evidence}")
        if self.place is not None:
            lines.append(f"  place: models/{self.place.folder}, for {self.place.use}")
        if self.contents is not None:
            lines.append(f"  {_size(self.contents)}")
            lines += [f"  note: {remark}" for remark in self.contents.remarks]
            if not self.findings:
                names = list(self.contents.shapes)
                more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
                lines.append(f"  it holds {', '.join(names[:_SHOWN_NAMES])}{more}")
        lines += [f"  nearest: {title}, but {lack}" for title, lack in self.nearest]
        return lines

    def to_json(self) -> dict[str, object]:
        """The verdict as JSON."""
        contents = self.contents
        return {
            "path": self.path.name,
            "title": self.title,
            "problem": self.problem,
            "container": contents.container if contents else None,
            "size_bytes": contents.size_bytes if contents else None,
            "tensors": len(contents.shapes) if contents else 0,
            "types": dict(contents.types) if contents else {},
            "remarks": list(contents.remarks) if contents else [],
            "parts": [
                {
                    "role": one.role,
                    "kind": one.kind,
                    "title": one.title,
                    "evidence": one.evidence,
                    "opened": one.is_opened,
                    "tensors": one.tensors,
                }
                for one in self.findings
            ],
            "sockets": list(self.sockets),
            "folder": self.place.folder if self.place else None,
            "nearest": [{"title": title, "lacks": lack} for title, lack in self.nearest],
        }


def identify_path(path: Path) -> Verdict:
    """The verdict on a file or a folder; one that cannot be read, or is not there, gets one too."""
    try:
        return identify_folder(path) if path.is_dir() else _identify_file(path)
    except BrokenFile as broken:
        return Verdict(path, None, (), broken.problem)
    except OSError as problem:
        return Verdict(path, None, (), f"it cannot be opened: {problem.strerror}")


def _identify_file(path: Path) -> Verdict:
    contents = read_contents(path)
    findings = find_parts(contents.shapes)
    nearest = () if findings else _nearest(contents.shapes)
    problem = refused(contents.shapes) or ("" if findings else "no kind that is known has these tensors")
    closed = [kind for kind in contents.types if kind not in OPENED] if contents.container == GGUF else []
    if closed:
        problem = f"numbers of it are of the type {' and '.join(closed)}, which cannot be opened"
    return Verdict(path, contents, findings, problem, nearest)


def identify_folder(folder: Path) -> Verdict:
    """The verdict on a folder as diffusers writes them: a whole pipeline, or one component."""
    components = read_components(folder)
    findings: list[Finding] = []
    whole: dict[str, tuple[int, ...]] = {}
    types: dict[str, int] = {}
    problems, size = [], 0
    for component in components:
        if component.problem or component.weights is None:
            problems.append(f"{component.name}: {component.problem}")
            continue
        try:
            contents = read_contents(component.weights)
        except BrokenFile as broken:
            problems.append(f"{component.name}: {broken.problem}")
            continue
        size += contents.size_bytes
        whole.update({f"{component.name}/{name}": shape for name, shape in contents.shapes.items()})
        for kind, numbers in contents.types.items():
            types[kind] = types.get(kind, 0) + numbers
        for one in find_parts(contents.shapes):
            evidence = f"in {component.weights.relative_to(folder)} {one.evidence}"
            findings.append(replace(one, evidence=evidence))
    order = [NETWORK, CONTROL, TEXT, VAE, VISION]
    findings.sort(key=lambda one: order.index(one.role) if one.role in order else len(order))
    contents = Contents("diffusers folder", size, whole, types, remarks=tuple(problems))
    problem = "" if findings else "no component of it is of a known kind"
    return Verdict(folder, contents, tuple(findings), problem)


def find_parts(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Finding, ...]:
    """The parts that tensors make, most important first."""
    changed = lora_dialect(shapes)
    if changed is not None and not any(name in shapes for name in _MORE_THAN_A_CHANGE):
        dialect, shown = changed
        family, why = lora_family(shapes)
        title = f"{dialect} for {family}" if family else dialect
        evidence = f"{shown} is there" + (f" and {why}" if why else "")
        return (Finding(CHANGE, "lora", title, evidence, len(shapes)),)
    if (width := _vectors(shapes)) is not None:
        evidence = f"it is one tensor of rows {width} wide, as texts are for a text encoder"
        return (Finding(EMBEDDING, "embedding", "textual inversion", evidence, 1),)
    for kind in OTHERS:
        for prefix in PREFIXES.get(kind.role, ("",)):
            if not kind.misses(shapes, prefix):
                return (_finding(kind, shapes, prefix),)
    findings: list[Finding] = []
    is_whole = False
    for role, kinds in ((NETWORK, NETWORKS), (TEXT, ENCODERS), (VISION, ENCODERS), (VAE, AUTOENCODERS)):
        for prefix in PREFIXES[role]:
            if prefix and not any(name.startswith(prefix) for name in shapes):
                continue
            if is_whole and not prefix:
                continue
            match = next(
                (kind for kind in kinds if kind.role == role and not kind.misses(shapes, prefix)), None
            )
            if match is not None:
                findings.append(_finding(match, shapes, prefix))
                is_whole = is_whole or bool(prefix)
                if role != TEXT:
                    break
    return tuple(findings)


def _vectors(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """How wide the rows are of a file that is nothing but learnt words, under any name; else None."""
    if len(shapes) != 1:
        return None
    name, shape = next(iter(shapes.items()))
    if "." in name:
        return None
    return shape[-1] if len(shape) in (1, 2) and shape[-1] in TEXT_WIDTHS else None


def _finding(kind: Kind, shapes: Mapping[str, tuple[int, ...]], prefix: str) -> Finding:
    measured = [name for name, _, _ in kind.sizes[:2]]
    shown = [f"{prefix}{name} is there" for name in kind.marks[:1] if name not in measured]
    shown += [f"{prefix}{name} has {size} on axis {axis}" for name, axis, size in kind.sizes[:2]]
    shown += [f"{name} is there" for name in kind.beside]
    count = sum(name.startswith(prefix) for name in shapes)
    return Finding(kind.role, kind.id, kind.title, " and ".join(shown), count)


def _nearest(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, str], ...]:
    """The kinds of which a file has the most, with what it lacks first."""
    scores: list[tuple[float, str, str]] = []
    for kind in (*NETWORKS, *ENCODERS, *AUTOENCODERS, *OTHERS):
        for prefix in PREFIXES.get(kind.role, ("",)):
            misses = kind.misses(shapes, prefix)
            share = 1 - len(misses) / kind.tests()
            if share > 0 and any(prefix + mark in shapes for mark in kind.marks):
                scores.append((share, kind.title, misses[0]))
    best: dict[str, str] = {}
    for _, title, lack in sorted(scores, key=lambda score: -score[0]):
        best.setdefault(title, lack)
    return tuple(best.items())[:_NEAREST]


def _size(contents: Contents) -> str:
    numbers = Counter(contents.types)
    types = ", ".join(f"{kind} {count / 1e6:.1f} M" for kind, count in numbers.most_common(4))
    size = f"{contents.size_bytes / 1e6:.1f} MB"
    return f"{contents.container}, {size}, {len(contents.shapes)} tensors ({types} numbers)"
