"""What each kind of weight adapter makes of a weight, in float64 and straight from its definition, for tests.

References: LoRA, Hu et al. 2021; LoCon, LoHa, LoKr: Yeh et al. 2023 (arXiv:2309.14859), sections 3 and 4;
DoRA, Liu et al. 2024, equation 5; OFT, Qiu et al. 2023; BOFT, Liu et al. 2024; GLoRA, Chavan et al. 2023;
IA3, Liu et al. 2022. Where the ecosystem departs from the paper it is followed, and the function says so.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]


def adapted(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """The weight (out, in, ...) under the tensors of one stem, by their endings."""
    weight = weight.double()
    found = {ending: tensor.double() for ending, tensor in tensors.items()}
    for ending, function in _KINDS.items():
        if ending in found:
            return function(weight, found, strength)
    raise KeyError(f"no kind has {list(tensors)}")


def _alpha(tensors: Tensors, rank: int) -> float:
    return float(tensors["alpha"]) / rank if "alpha" in tensors else 1.0


def _with_norms(weight: Tensor, added: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """W + strength * added, or DoRA: the ecosystem takes norms of rows from the weight as it was."""
    if "dora_scale" in tensors:
        norms = tensors["dora_scale"]
        if norms.shape[0] == weight.shape[0]:
            present = torch.stack([row.square().sum().sqrt() for row in weight])
            shape = (-1, *[1] * (weight.ndim - 1))
        else:
            present = torch.stack(
                [column.square().sum().sqrt() for column in (weight + added).transpose(0, 1)]
            )
            shape = (1, -1, *[1] * (weight.ndim - 2))
    elif "lora_magnitude_vector.weight" in tensors:
        norms = tensors["lora_magnitude_vector.weight"]
        present = torch.stack([row.square().sum().sqrt() for row in weight + added])
        shape = (-1, *[1] * (weight.ndim - 1))
    else:
        return weight + strength * added
    there = (weight + added) * (norms.reshape(shape) / present.reshape(shape))
    return (1 - strength) * weight + strength * there


def _lora(weight: Tensor, tensors: Tensors, strength: float, up: str, down: str) -> Tensor:
    left, right = tensors[up], tensors[down]
    scale = _alpha(tensors, right.shape[0])
    if "reshape_weight" in tensors:
        larger = torch.zeros([int(size) for size in tensors["reshape_weight"]], dtype=torch.float64)
        larger[tuple(slice(size) for size in weight.shape)] = weight
        weight = larger
    added = torch.zeros_like(weight)
    if "lora_mid.weight" in tensors:
        middle = tensors["lora_mid.weight"]
        for y in range(middle.shape[2]):
            for x in range(middle.shape[3]):
                added[:, :, y, x] = left.flatten(1) @ middle[:, :, y, x] @ right.flatten(1)
    else:
        for index in range(right.shape[0]):
            added += torch.outer(left.flatten(1)[:, index], right[index].flatten()).reshape(weight.shape)
    return _with_norms(weight, scale * added, tensors, strength)


def _kohya(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    return _lora(weight, tensors, strength, "lora_up.weight", "lora_down.weight")


def _peft(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    return _lora(weight, tensors, strength, "lora_B.weight", "lora_A.weight")


def _through_core(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """A core (r, r, kh, kw) between factors (r, out) and (r, in), as LyCORIS lays them out."""
    places = [[left.T @ core[:, :, y, x] @ right for x in range(core.shape[3])] for y in range(core.shape[2])]
    return torch.stack([torch.stack(row, dim=-1) for row in places], dim=-2)


def _loha(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    parts = []
    for number in "12":
        left, right = tensors[f"hada_w{number}_a"], tensors[f"hada_w{number}_b"]
        if "hada_t1" in tensors:
            parts.append(_through_core(tensors[f"hada_t{number}"], left, right))
        else:
            parts.append((left @ right).reshape(weight.shape))
    scale = _alpha(tensors, tensors["hada_w1_b"].shape[0])
    return _with_norms(weight, scale * parts[0] * parts[1], tensors, strength)


def _lokr(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """The scale is that of the factored side, the second before the first; without one alpha is unused."""
    scale = 1.0
    sides = []
    for number in "12":
        if f"lokr_w{number}" in tensors:
            sides.append(tensors[f"lokr_w{number}"])
            continue
        left, right = tensors[f"lokr_w{number}_a"], tensors[f"lokr_w{number}_b"]
        scale = _alpha(tensors, right.shape[0])
        core = tensors.get("lokr_t2") if number == "2" else None
        sides.append(left @ right if core is None else _through_core(core, left, right))
    first, second = sides
    added = torch.zeros_like(weight)
    second = second.reshape(second.shape[0], -1, *weight.shape[2:])
    rows, columns = second.shape[:2]
    for i in range(first.shape[0]):
        for j in range(first.shape[1]):
            place = slice(i * rows, (i + 1) * rows), slice(j * columns, (j + 1) * columns)
            added[place] = first[i, j] * second
    return _with_norms(weight, scale * added, tensors, strength)


def _glora(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """Two layouts: of old, the first factor of each pair is the one on the right."""
    a1, a2, b1, b2 = (tensors[f"{name}.weight"].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    if b2.shape[0] == weight.shape[0] and b1.shape[0] != weight.shape[0]:
        scale = _alpha(tensors, a1.shape[0])
        added = (b2 @ b1 + weight.flatten(1) @ a2 @ a1).reshape(weight.shape)
    else:
        scale = _alpha(tensors, a2.shape[0])
        own = torch.stack(
            [kernel @ a1 @ a2 for kernel in weight.flatten(2).movedim(-1, 0)]
            if weight.ndim > 2
            else [weight @ a1 @ a2],
            dim=-1,
        )
        added = own.reshape(weight.shape) + (b1 @ b2).reshape(weight.shape)
    return _with_norms(weight, scale * added, tensors, strength)


def _rotations(blocks: Tensor, tensors: Tensors) -> Tensor:
    """Cayley transforms; alpha limits the norm of all skew blocks together."""
    skew = blocks - blocks.transpose(-1, -2)
    limit, norm = float(tensors.get("alpha", torch.zeros(()))), math.sqrt(float(skew.square().sum()))
    if 0 < limit < norm:
        skew = skew / norm * limit
    one = torch.eye(blocks.shape[-1], dtype=torch.float64).expand_as(skew)
    return torch.linalg.solve(one - skew, one + skew, left=False)


def _oft(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """One large matrix with rotations on its diagonal; the ecosystem multiplies by the strength twice."""
    blocks = tensors["oft_blocks"]
    if blocks.ndim == 4:
        return _boft(weight, tensors, strength)
    whole = torch.block_diag(*_rotations(blocks, tensors)).T
    turned = (whole @ weight.flatten(1)).reshape(weight.shape)
    return weight + strength**2 * (turned - weight)


def _boft(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    """One large matrix for each stage, with the permutation that makes neighbours of its pairs."""
    turned = weight.flatten(1)
    rows = len(turned)
    for stage, blocks in enumerate(_rotations(tensors["oft_blocks"], tensors)):
        size = blocks.shape[-1]
        far = 2**stage * size // 2
        order = [base + k + g * far for base in range(0, rows, 2 * far) for k in range(far) for g in range(2)]
        swap = torch.eye(rows, dtype=torch.float64)[order]
        mixed = strength * torch.block_diag(*blocks) + (1 - strength) * torch.eye(rows, dtype=torch.float64)
        turned = swap.T @ mixed @ swap @ turned
    if "rescale" in tensors:
        turned = turned * tensors["rescale"].reshape(-1, 1)
    return weight + strength * (turned.reshape(weight.shape) - weight)


def _ia3(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    axis = int(tensors["on_input"])
    shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
    return weight * (1 + strength * tensors["weight"].reshape(shape))


def _difference(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    return weight + strength * tensors["diff"]


def _whole(weight: Tensor, tensors: Tensors, strength: float) -> Tensor:
    del weight, strength
    return tensors["set_weight"]


_KINDS = {
    "lora_up.weight": _kohya,
    "lora_B.weight": _peft,
    "hada_w1_a": _loha,
    "lokr_w1": _lokr,
    "lokr_w1_a": _lokr,
    "a1.weight": _glora,
    "oft_blocks": _oft,
    "on_input": _ia3,
    "diff": _difference,
    "set_weight": _whole,
}
