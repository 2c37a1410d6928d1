"""What flags of `serve` do, seen from outside a real server process."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

import main
from web.serving import TlsError, tls_context

ROOT = Path(__file__).resolve().parent.parent
TLS = ROOT / "tests" / "fixtures" / "tls"


@contextmanager
def serving(base, *arguments, **environment):
    command = [sys.executable, "main.py", "--port", "0", "--base-directory", str(base), "--cpu", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def test_with_a_key_and_a_certificate_the_server_speaks_https(tmp_path):
    files = ("--tls-keyfile", str(TLS / "key.pem"), "--tls-certfile", str(TLS / "certificate.pem"))
    trust = ssl.create_default_context(cafile=TLS / "certificate.pem")
    with serving(tmp_path, *files, "--token", "word", "--log-stdout") as process:
        line = next(line for line in process.stdout if line.startswith("Sfumato is ready: "))
        address = line.split()[-1]
        assert address.startswith("https://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/?token=word", context=trust, timeout=60) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert "Secure" in cookie
        with pytest.raises(OSError, match=r"reset|closed|disconnect|Remote|line"):
            urllib.request.urlopen(address.replace("https", "http"), timeout=60)


@pytest.mark.parametrize(
    ("key", "certificate", "sentence"),
    [
        ("key.pem", None, "https needs both a key and a certificate"),
        (None, "certificate.pem", "https needs both a key and a certificate"),
        ("certificate.pem", "certificate.pem", "cannot use the key"),
        ("locked.pem", "certificate.pem", "the key is encrypted"),
    ],
)
def test_tls_files_that_cannot_be_used_are_a_sentence(tmp_path, caplog, key, certificate, sentence):
    files = [TLS / name if name else None for name in (key, certificate)]
    with pytest.raises(TlsError, match=sentence):
        tls_context(*files)
    given = zip(("--tls-keyfile", "--tls-certfile"), files, strict=True)
    flags = [part for flag, file in given if file for part in (flag, str(file))]
    assert main.main(["serve", "--base-directory", str(tmp_path), "--port", "0", *flags]) == 2
    assert sentence in caplog.text


def test_auto_launch_opens_the_page_that_the_server_printed(tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    with serving(tmp_path / "base", "--auto-launch", BROWSER=f"{browser} %s") as process:
        address = process.stdout.readline().split()[-1]
        for _ in range(600):
            if opened.is_file():
                break
            time.sleep(0.05)
        assert opened.read_text().strip() == address


def test_a_server_can_keep_its_address_to_itself_and_end_when_a_worker_is_up(tmp_path):
    with serving(tmp_path, "--dont-print-server", "--quick-test-for-ci") as process:
        out, error = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, ""), error


def test_a_new_token_is_always_said_with_an_address_that_can_be_opened(tmp_path):
    with serving(tmp_path, "--dont-print-server", "--listen", "0.0.0.0") as process:
        address = process.stdout.readline().split()[-1]
        assert address.startswith("http://localhost:")
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    "flag", ["--base-directory", "--output-directory", "--user-directory", "--cache-dir"]
)
def test_a_folder_that_cannot_be_made_is_a_sentence_and_code_2(tmp_path, flag, caplog):
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "below")
    given = {"--base-directory": str(tmp_path), flag: place}
    arguments = [part for pair in given.items() for part in pair]
    assert main.main(["serve", "--port", "0", *arguments]) == 2
    assert f"cannot make the folder {place}" in caplog.text
    assert "Not a directory" in caplog.text
    if flag != "--user-directory":
        graph = tmp_path / "graph.json"
        graph.write_text(json.dumps({"1": {"class_type": "EmptyImage", "inputs": {}}}))
        assert main.main(["check", str(graph), *arguments]) == 2
