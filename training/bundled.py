"""Makes the bundled model from nothing: one seeded command that can be stopped and started again at any time.

Stages: `autoencoder`, `latents`, `denoiser`, `adapter`; `all` runs them in order and writes both files.
"""

import argparse
import logging
import random
import sys
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from models.vae.kl import AutoencoderKL
from training import autoencoder as autoencoder_stage
from training import denoiser as denoiser_stage
from training.captions import plain_caption
from training.denoiser import Denoiser
from training.export import save_checkpoint
from training.latents import LatentSet, prepare
from training.sampling import accuracy, sample_pictures
from training.scenes import random_scene
from training.sheet import contact_sheet

logger = logging.getLogger(__name__)

PICTURES = 32_000
DATA_SEED = 7
STAGES = ("autoencoder", "latents", "denoiser", "adapter", "watch", "export", "all")
MADE = (
    "Text to pictures of flat shapes, 128 x 128. Trained from nothing by training/bundled.py on "
    "pictures that the same program draws; no other data."
)


def get_autoencoder(runs: Path) -> AutoencoderKL:
    """The trained autoencoder, training it first where it is not finished."""
    return autoencoder_stage.train_autoencoder(runs / "autoencoder.pt")


def get_latents(runs: Path, network: AutoencoderKL, pictures: int) -> LatentSet:
    """The encoded training pictures."""
    return prepare(runs / "latents.npy", network, pictures, DATA_SEED)


def watch(runs: Path, denoiser: Denoiser, network: AutoencoderKL, *, count: int, scale: float) -> None:
    """Draw some prompts that were kept back, log how many are right, keep a sheet of them."""
    rng = random.Random("watch")
    scenes = [random_scene(rng, kept_back=True) for _ in range(count)]
    pictures = sample_pictures(denoiser, network, [plain_caption(scene) for scene in scenes], scale=scale)
    for layout in ("single", "pair", "group"):
        chosen = [i for i, scene in enumerate(scenes) if scene.layout == layout]
        shares = accuracy([pictures[i] for i in chosen], [scenes[i] for i in chosen])
        line = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        logger.info("%s (%d): %s", layout, len(chosen), line)
    Image.fromarray(contact_sheet(pictures[:64], 8)).save(runs / "watch.png")


def main(arguments: list[str]) -> None:
    """Run the stages that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="all")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"), help="folder for checkpoints")
    parser.add_argument(
        "--out", type=Path, default=Path("assets/models/checkpoints/sfumato-shapes.safetensors")
    )
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--steps", type=int, default=denoiser_stage.SETTINGS.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=60, help="prompts drawn by --stage watch")
    parser.add_argument("--scale", type=float, default=4.0, help="guidance of --stage watch")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    settings = replace(denoiser_stage.SETTINGS, steps=options.steps)
    file = options.runs / "denoiser.pt"
    network = get_autoencoder(options.runs)
    logger.info("autoencoder round trip: %.2f dB", autoencoder_stage.round_trip_decibels(network, 32))
    if options.stage == "autoencoder":
        return
    if options.stage in ("watch", "export"):
        denoiser = denoiser_stage.load_denoiser(file)
    else:
        data = get_latents(options.runs, network, options.pictures)
        if options.stage == "latents":
            return
        denoiser = denoiser_stage.train_denoiser(file, data, settings)
    watch(options.runs, denoiser, network, count=options.count, scale=options.scale)
    if options.stage in ("export", "all"):
        save_checkpoint(options.out, denoiser, network, MADE)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    main(sys.argv[1:])
