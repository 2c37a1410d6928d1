"""Makes the bundled model from nothing: one seeded command that can be stopped and started again at any time.

Stages: `autoencoder`, `decoder`, `denoiser`, `export`, `adapter`, `edges`, `image-prompt`; `all` runs them
in order and writes every file; the last two need the exported checkpoint only. `watch` draws prompts with
what is there.
"""

import argparse
import logging
import random
import sys
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from loaders.checkpoint import open_checkpoint
from models.vae.kl import AutoencoderKL
from training import autoencoder as autoencoder_stage
from training import denoiser as denoiser_stage
from training.adapter import train_adapter
from training.allocator import keep_memory
from training.captions import plain_caption
from training.decoder import train_decoder
from training.denoiser import Denoiser
from training.edges import train_edges
from training.export import save_adapter, save_checkpoint, save_edges, save_image_prompt
from training.image_prompt import train_image_prompt
from training.latents import prepare
from training.sampling import accuracy, sample_pictures
from training.scenes import random_scene
from training.sheet import contact_sheet
from training.text import train_text

logger = logging.getLogger(__name__)

PICTURES = 24_576
DATA_SEED = 7
MODELS = Path("assets/models")
STAGES = (
    "autoencoder",
    "decoder",
    "denoiser",
    "export",
    "adapter",
    "edges",
    "image-prompt",
    "watch",
    "all",
)
MADE = (
    "Text to pictures of flat shapes, 128 x 128. Trained from nothing by training/bundled.py on "
    "pictures that the same program draws; no other data."
)
MADE_ADAPTER = (
    "A style for Sfumato shapes: everything in pastel. Trained by training/bundled.py on drawn pictures."
)


def watch(
    runs: Path, denoiser: Denoiser, network: AutoencoderKL, *, count: int, scale: float, name: str = "watch"
) -> None:
    """Draw some prompts that were kept back, log how many are right, keep a sheet of them."""
    rng = random.Random("watch")
    scenes = [random_scene(rng, kept_back=True) for _ in range(count)]
    pictures = sample_pictures(denoiser, network, [plain_caption(scene) for scene in scenes], scale=scale)
    for layout in ("single", "pair", "group"):
        chosen = [i for i, scene in enumerate(scenes) if scene.layout == layout]
        shares = accuracy([pictures[i] for i in chosen], [scenes[i] for i in chosen])
        line = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        logger.info("%s (%d): %s", layout, len(chosen), line)
    Image.fromarray(contact_sheet(pictures[:64], 8)).save(runs / f"{name}.png")


def make_adapter(options: argparse.Namespace, denoiser: Denoiser, network: AutoencoderKL) -> None:
    """Train the style adapter on the finished denoiser, write it, log how much it changes."""
    count = options.adapter_pictures
    data = prepare(options.runs / "latents-pastel.npy", network, count, DATA_SEED, "pastel")
    adapted = train_adapter(options.runs / "adapter.pt", denoiser, data)
    save_adapter(options.adapter_out, adapted, "Sfumato pastel", MADE_ADAPTER)
    watch(options.runs, denoiser, network, count=32, scale=options.scale, name="watch-pastel")
    adapted.detach()


def make_guides(options: argparse.Namespace) -> None:
    """Train and write what guides the exported checkpoint: by a map of edges, by the colours of a picture."""
    checkpoint = open_checkpoint(options.out)
    if options.stage in ("edges", "all"):
        save_edges(options.models, train_edges(options.runs, checkpoint))
    if options.stage in ("image-prompt", "all"):
        save_image_prompt(options.models, train_image_prompt(options.runs, checkpoint))


def options_of(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="all")
    parser.add_argument("--runs", type=Path, default=Path("training/runs"), help="folder for checkpoints")
    parser.add_argument("--out", type=Path, default=MODELS / "checkpoints/sfumato-shapes.safetensors")
    parser.add_argument("--adapter-out", type=Path, default=MODELS / "loras/sfumato-pastel.safetensors")
    parser.add_argument("--models", type=Path, default=MODELS, help="models folder for the other files")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--adapter-pictures", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=denoiser_stage.SETTINGS.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=60, help="prompts drawn to watch the accuracy")
    parser.add_argument("--scale", type=float, default=4.0, help="guidance of those")
    return parser.parse_args(arguments)


def make_autoencoder(options: argparse.Namespace) -> AutoencoderKL:
    """The autoencoder: trained on where it is unfinished; its decoder too if it is there."""
    network = autoencoder_stage.train_autoencoder(options.runs / "autoencoder.pt")
    file = options.runs / "decoder.pt"
    if file.exists() or options.stage in ("decoder", "all"):
        network = train_decoder(file, network)
    decibels = autoencoder_stage.round_trip_decibels(network, 32)
    logger.info("autoencoder round trip: %.2f dB", decibels)
    return network


def make_denoiser(options: argparse.Namespace, network: AutoencoderKL) -> Denoiser:
    """The denoiser: trained on where the stage is its own, else as it is."""
    file = options.runs / "denoiser.pt"
    if options.stage not in ("denoiser", "all"):
        return denoiser_stage.load_denoiser(file)
    data = prepare(options.runs / "latents.npy", network, options.pictures, DATA_SEED)
    settings = replace(denoiser_stage.SETTINGS, steps=options.steps)
    denoiser = denoiser_stage.build(settings.seed)
    if not file.exists():
        train_text(options.runs / "text.pt", denoiser)
    return denoiser_stage.train_denoiser(file, denoiser, data, settings)


def main(arguments: list[str]) -> None:
    """Run the stages that the command line asks for."""
    options = options_of(arguments)
    torch.set_num_threads(options.threads)
    keep_memory()
    if options.stage in ("edges", "image-prompt"):
        make_guides(options)
        return
    network = make_autoencoder(options)
    if options.stage in ("autoencoder", "decoder"):
        return
    denoiser = make_denoiser(options, network)
    if options.stage in ("watch", "denoiser", "all"):
        watch(options.runs, denoiser, network, count=options.count, scale=options.scale)
    if options.stage in ("export", "all"):
        save_checkpoint(options.out, denoiser, network, MADE)
    if options.stage in ("adapter", "all"):
        make_adapter(options, denoiser, network)
    if options.stage == "all":
        make_guides(options)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    main(sys.argv[1:])
