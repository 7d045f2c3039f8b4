"""Forms that are damaged, endless, slow or of many parts cost no more than other bodies, and are told so."""

from __future__ import annotations

import os
import time

import pytest
from asking import FORM, file_part, finish, form
from sockets import Upload

from strongpose.exceptions import RefusedError
from strongpose.serve import Limits
from strongpose.serve.form import read_form

LARGE = 20_000_000  # bytes that are taken by default
JUNK = b"--edge\r\n" + file_part(b"")  # the start of a file without an end


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"no form", "the form is damaged: "),
        (b"--edge\r\nno header\r\n\r\n--edge--", "the form is damaged: "),
        (b"--edge\r\nA : b\r\n\r\nx\r\n--edge--", "the form is damaged: "),
        (b"--edge--", "the form has no file; send a photo, as in curl -F photo=@photo.jpg"),
        (b"--edge", "the form is cut short: its last boundary is missing"),
        (JUNK + b"photo", "the form is cut short: its last boundary is missing"),
        (JUNK + b"photo\r\n--edge-", "the form is cut short: its last boundary is missing"),
        (JUNK + b"photo\r\n--other--", "the form is cut short: its last boundary is missing"),
        (form(file_part(b"")), "the form has no file; send a photo, as in curl -F photo=@photo.jpg"),
        (
            form(file_part(b"x"), file_part(b"y")),
            "the form has several files; send one, or several as JSON to /api/batch",
        ),
        (
            form(b'Content-Disposition: form-data; name="threshold"\r\n\r\n0.5'),
            "the form's field 'threshold' is no file",
        ),
        (form(b"\r\nx"), "the form's field '' is no file"),
        (form(file_part(b"x"), b'Content-Disposition: form-data; name="a"\r\n\r\n'), "the form's field 'a' is no file"),
        (form(b'Content-Disposition: form-data; name="\xff\r\n\r\nx'), "the form's field "),
        (form(file_part(b"no photo")), "not a JPEG, PNG or WebP photo"),
    ],
)
def test_forms_with_anything_but_one_file_are_explained(client, body, line):
    answer = client.post("/api/poses", body, FORM)
    assert answer.status == 422
    assert answer.error.startswith(line)


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "e" * 71,
        "multipart/form-data; boundary=" + "e" * 10_000,
        "multipart/form-data; boundary*=utf-8''edge",
        "multipart/form-data;" + ";" * 10_000,
    ],
)
def test_forms_without_a_usable_boundary_are_refused(client, kind):
    answer = client.post("/api/poses", form(file_part(b"x")), kind)
    assert (answer.status, answer.error) == (422, "the form's content type needs a boundary of 1 to 70 characters")


@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=edge", "multipart/form-datax; boundary=edge", "multipart"])
def test_other_kinds_of_multipart_are_refused(client, kind):
    assert client.post("/api/poses", form(file_part(b"x")), kind).status == 415


@pytest.mark.parametrize(
    "start",
    [
        b"\r\n",  # before the first boundary
        b"--edge\r\n\r\n\r\n",  # parts
        b"--edge\r\n" + file_part(b"\r\n"),  # files
        b"--edge\r\nA: b\r\n" + b"C: d\r\n" * 100,
    ],
)
def test_many_of_anything_are_read_as_fast_as_one(start):
    """None of a large body is looked at longer than a photo of that size."""
    assert took(start * (LARGE // len(start))) < 5


@pytest.mark.parametrize(
    "repeated",
    [b"a", b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--edg", b"\r\n--edgf", b"--edge", b"\r\n--edge-\r"],
)
def test_files_full_of_what_is_almost_a_boundary(repeated):
    assert took(JUNK + repeated * (LARGE // len(repeated))) < 10


@pytest.mark.parametrize("header", [b"A: ", b"Content-Disposition: form-data; name=", b""])
@pytest.mark.parametrize("filling", [b"b", b";", b'"', b"\\", b'";'])
def test_endless_headers_of_parts(header, filling):
    assert took(b"--edge\r\n" + header + filling * (LARGE // len(filling))) < 5
    short = b"--edge\r\nContent-Disposition: form-data; filename=" + filling * (4000 // len(filling)) + b"\r\n\r\nx"
    assert took(short + b"\r\n--edge--") < 1


def took(body: bytes) -> float:
    """Seconds of processor time until a form is read or refused."""
    start = time.process_time()
    try:
        read_form(body, FORM)
    except RefusedError as error:
        assert error.status == 422
    return time.process_time() - start


def test_bytes_of_forms_are_counted_while_they_arrive(serving, photos):
    photo = (photos / "astronaut.jpg").read_bytes()
    with serving(Limits(max_bytes=len(photo) + 300)) as client:
        assert client.post_form("/api/poses", file_part(photo)).status == 200
        answer = client.post_form("/api/poses", file_part(photo + bytes(400)))
        assert answer.status == 413 and "MB that are taken" in answer.error

        def endless():
            yield JUNK
            while True:
                yield bytes(10_000)

        connection = client.connect()
        try:
            connection.request("POST", "/api/poses", endless(), {"Content-Type": FORM}, encode_chunked=True)
        except ConnectionError:
            pass  # closed after it was answered
        connection.close()
        assert client("GET", "/api/health").json["uploading"] == 0


def test_forms_that_arrive_slowly_time_out(serving, photos):
    photo = (photos / "astronaut.jpg").read_bytes()
    with serving(Limits(upload_seconds=0.3)) as client:
        with Upload(client, form(file_part(photo)), 200, kind=FORM) as slow:
            answer = finish(slow.connection)
            assert answer.status == 408 and "0.3 seconds" in answer.error
        assert client.post_form("/api/poses", file_part(photo)).status == 200


def test_any_bytes_as_a_form_get_an_answer_of_one_line(client):
    for size in (0, 1, 10, 1000, 100_000):
        answer = client.post("/api/poses", b"--edge\r\n" + os.urandom(size), FORM)
        assert answer.status == 422 and answer.error
    assert client("GET", "/api/health").status == 200
