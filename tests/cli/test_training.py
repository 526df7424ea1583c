"""The command train: what it says, what it refuses before training, and what it leaves behind."""

from __future__ import annotations

import json

import pytest

from hiercls.data import read
from hiercls.errors import TrainingError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import shipped
from hiercls.training.checkpoints import RunCheckpoints
from hiercls.training.steps import Steps

TINY = shipped("tiny")
ACME = "customer: acme\nclasses: {Science: X, Other: rest}\n"


def test_it_says_what_it_learnt_from_and_what_to_type_next(training):
    folder, result = training
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "customer  labelled at  documents",
        "one       one          36",
        "three     three        30",
        "two       two          30",
    ]
    assert lines[4].startswith("chosen on held-out labels: L2 ")
    assert lines[5].startswith("words are read: ")
    assert lines[6].startswith(f"the model is in '{folder}' (")
    assert lines[7].endswith(f"predict {folder} FILE --at one")
    assert lines[8] == "--at takes one, two, three, topic, area"
    assert result.stderr == "training on 96 documents\n"


def test_the_model_has_the_options(training, tiny, tiny_bert):
    params = HierarchicalTextClassifier.from_pretrained(training[0]).get_params()
    assert params["taxonomy"] == tiny
    assert (params["max_length"], params["tune"], params["random_state"]) == (16, "none", 0)
    assert params["encoder"] == str(tiny_bert.resolve())
    assert params["training"].epochs == 40


@pytest.fixture
def bad_files(tmp_path):
    """Two files with three bad rows in all, one of which has two faults, and a good one in each."""
    first, second = tmp_path / "first.csv", tmp_path / "second.jsonl"
    first.write_text("text,label,view\na1 a2,ABC,one\na1,AB,one\nb1,EF,onn\n")
    lines = [{"text": "d1 d2", "label": "D", "view": "one"}, {"text": None, "label": "D", "view": "one"}]
    second.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return first, second


def test_all_bad_rows_of_all_files_are_listed_and_nothing_is_trained(run, bad_files, tmp_path):
    first, second = bad_files
    result = run("train", TINY, first, second, tmp_path / "none.csv", "-o", tmp_path / "model")
    assert (result.exit_code, result.stdout) == (1, "")
    lines = [line.strip() for line in result.stderr.splitlines()]
    assert lines[0] == "error: 4 problems in the data:"
    assert lines[1].startswith(f"{tmp_path / 'none.csv'}: there is no such file")
    assert lines[2] == f"{first}:3: 'AB' is no class of 'one'; write 'three:AB', or did you mean 'ABC'?"
    assert lines[3].startswith(f"{first}:4: unknown view 'onn'")
    assert lines[4].startswith(f"{second}:2: expected a text as a string, got None")
    assert not (tmp_path / "model").exists()


def test_without_skip_bad_it_says_how_to_go_on(run, bad_files, tmp_path):
    result = run("train", TINY, *bad_files, "-o", tmp_path / "model")
    assert result.exit_code == 1
    assert "error: 3 problems in the data:" in result.stderr
    said = "--skip-bad leaves these 3 rows out; --rejects FILE keeps all of them, with what is wrong with each"
    assert result.stderr.splitlines()[-1] == said


@pytest.mark.parametrize("named", [True, False])
def test_skip_bad_keeps_the_bad_rows_in_a_file_that_can_be_mended(run, bad_files, tmp_path, world, named):
    rejects = tmp_path / "kept" / "bad.jsonl" if named else tmp_path / "model.rejects.jsonl"
    options = ["--rejects", rejects] if named else []
    result = run(
        "train", TINY, *bad_files, world.others, "-o", tmp_path / "model", "--skip-bad", *options, *world.quick
    )
    assert result.exit_code == 0
    assert f"warning: 3 bad rows of 65 left out; they are in '{rejects}' with the reasons" in result.stderr
    assert "training on 62 documents" in result.stderr
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [row["text"] for row in kept] == ["a1", "b1", None]
    assert "'AB' is no class of 'one'" in kept[0]["reasons"][0]
    assert [row.labels for row in read(rejects).rows] == [(("one", "AB"),), (("onn", "EF"),)]


def test_no_good_row_is_an_error_too(run, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("text,label,view\na1,AB,one\n")
    result = run("train", TINY, data, "-o", tmp_path / "model", "--skip-bad")
    assert result.exit_code == 1
    assert f"error: expected labelled rows in '{data}', found none that can be used" in result.stderr


def test_of_many_bad_rows_the_first_are_said_and_all_are_kept(run, tmp_path):
    data, rejects = tmp_path / "data.csv", tmp_path / "bad.jsonl"
    data.write_text("text,label,view\n" + "a1,AB,one\n" * 30)
    result = run("train", TINY, data, "-o", tmp_path / "model", "--rejects", rejects)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[0] == "error: 30 problems in the data:"
    assert lines[20].startswith(f"  {data}:21: 'AB' is no class of 'one'")
    assert lines[21:] == [
        "  and 10 more problems",
        f"--skip-bad leaves these 30 rows out; they are in '{rejects}' with the reasons",
    ]
    assert len(rejects.read_text().splitlines()) == 30
    assert not (tmp_path / "model").exists()


def test_what_the_labels_leave_open_is_a_warning_line(run, world, tmp_path):
    result = run("train", TINY, world.one, "-o", tmp_path / "model", *world.quick)
    assert result.exit_code == 0
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "the labelled views leave topics undetermined: labels at 'one' have rank 3 of 6" in warnings[0]
    assert "every view groups 'A', 'B', 'C' alike" in warnings[0]


def test_a_model_is_replaced_by_force_alone(run, world, model):
    before = (model / "model.safetensors").read_bytes()
    arguments = ["train", TINY, world.one, world.others, "-o", model, *world.quick, "--seed", 1]
    refused = run(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"there is a model in '{model}' already; --force replaces it" in refused.stderr
    assert (model / "model.safetensors").read_bytes() == before
    assert run(*arguments, "--force").exit_code == 0
    assert (model / "model.safetensors").read_bytes() != before


def test_what_is_no_model_is_never_replaced(run, world, tmp_path):
    precious = tmp_path / "photos" / "cat.jpg"
    precious.parent.mkdir()
    precious.write_text("meow")
    result = run("train", TINY, world.one, "-o", precious.parent, "--force")
    assert result.exit_code == 1
    assert "is no model of hiercls" in result.stderr
    assert precious.read_text() == "meow"


def test_the_same_seed_gives_the_same_model(run, world, training, tmp_path):
    folder = tmp_path / "again"
    assert run("train", TINY, world.one, world.others, "-o", folder, *world.quick).exit_code == 0
    assert (folder / "model.safetensors").read_bytes() == (training[0] / "model.safetensors").read_bytes()


def test_a_customer_with_a_file_of_its_own_is_trained_on_too(run, world, tmp_path):
    acme, data = tmp_path / "acme.yaml", tmp_path / "acme.csv"
    acme.write_text(ACME)
    data.write_text("text,label,view\na1 b2 c3,Science,acme\nd1 e2 f3,Other,acme\n,Other,acme\n")
    folder = tmp_path / "model"
    result = run("train", TINY, world.others, data, "--customer", acme, "-o", folder, *world.quick)
    assert result.exit_code == 0, result.output
    assert "–         acme         3" in result.stdout.splitlines()
    assert "1 document without text" in result.stdout.splitlines()
    assert HierarchicalTextClassifier.from_pretrained(folder).taxonomy_.customers == ("one", "two", "three", "acme")


@pytest.mark.parametrize("tune", ["all", "last-1"])
def test_a_tuned_encoder_goes_into_the_model(run, world, tmp_path, tune):
    folder = tmp_path / "model"
    options = ["--epochs", 1, "--tune", tune, "--windows", 2, "--truncation", "head-tail"]
    result = run("train", TINY, world.one, world.others, "-o", folder, *world.quick, *options)
    assert result.exit_code == 0, result.output
    assert (folder / "encoder" / "model.safetensors").is_file()
    assert run("predict", folder, stdin="a1\n").exit_code == 0
    loaded = HierarchicalTextClassifier.from_pretrained(folder)
    assert (loaded.tune, loaded.encoder.windows, loaded.encoder.truncation) == (tune, 2, "head-tail")


@pytest.mark.parametrize("tune", ["some", "last-0", "last", "last-x"])
def test_what_cannot_be_tuned_is_wrong_usage(run, world, tmp_path, tune):
    result = run("train", TINY, world.one, "-o", tmp_path / "model", "--tune", tune)
    assert result.exit_code == 2
    assert "expected none, all or last-N as in last-2" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--encoder", "nobody/nothing"], "the encoder 'nobody/nothing' is not a folder"),
        (["--device", "abacus"], "there is no device 'abacus' here"),
    ],
)
def test_an_encoder_or_device_that_is_not_there(run, world, tmp_path, options, said):
    result = run("train", TINY, world.one, world.others, "-o", tmp_path / "model", *options)
    assert result.exit_code == 1
    assert said in result.stderr
    assert not (tmp_path / "model").exists()


def test_a_run_that_had_to_stop_leaves_its_last_good_weights(run, world, tmp_path, training, monkeypatch):
    trained = HierarchicalTextClassifier.from_pretrained(training[0])

    def stop(self, rows, **_):
        self.__dict__.update(trained.__dict__)
        error = TrainingError("the loss of step 7 is nan")
        error.kept = object()
        raise error

    monkeypatch.setattr(HierarchicalTextClassifier, "fit_rows", stop)
    result = run("train", TINY, world.one, "-o", tmp_path / "model", *world.quick)
    assert result.exit_code == 1
    assert "error: the loss of step 7 is nan" in result.stderr
    assert f"the last good weights are in '{tmp_path / 'model.stopped'}'" in result.stderr
    assert not (tmp_path / "model").exists()
    assert (tmp_path / "model.stopped" / "model.safetensors").is_file()


@pytest.mark.parametrize("words", ["on", "off", "only"])
def test_words_are_read_beside_an_encoder_or_instead_of_it(run, world, tiny_bert, tmp_path, words):
    encoder = [] if words == "only" else ["--encoder", tiny_bert, "--max-length", 16]
    files = (world.one, world.others)
    result = run("train", TINY, *files, *encoder, "--words", words, "--epochs", 2, "-o", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert ("words are read: " in result.stdout) == (words != "off")
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert (loaded.encoder is None) == (words == "only")


def test_words_alone_and_an_encoder_are_not_both(run, world, tiny_bert, tmp_path):
    result = run("train", TINY, world.one, "--encoder", tiny_bert, "--words", "only", "-o", tmp_path / "model")
    assert result.exit_code != 0
    assert "--words only reads no encoder" in result.stderr


def test_a_training_is_kept_and_gone_on_from(run, world, tmp_path, training, monkeypatch):
    kept = ["--checkpoints", tmp_path / "kept"]
    arguments = ["train", TINY, world.one, world.others, *world.quick, *kept]
    take, n_taken = Steps.take, 0

    def killed(self, positions):
        nonlocal n_taken
        n_taken += 1
        if n_taken == 30:
            raise SystemExit(9)
        return take(self, positions)

    monkeypatch.setattr(Steps, "take", killed)
    monkeypatch.setattr(RunCheckpoints, "is_due", True)
    assert run(*arguments, "-o", tmp_path / "model").exit_code == 9
    refused = run(*arguments, "-o", tmp_path / "model")
    assert f"there are checkpoints in '{tmp_path / 'kept'}' already" in refused.stderr
    result = run(*arguments, "-o", tmp_path / "model", "--resume")
    assert result.exit_code == 0, result.output
    assert f"going on from the checkpoints in '{tmp_path / 'kept'}'" in result.stderr
    model = (tmp_path / "model" / "model.safetensors").read_bytes()
    assert model == (training[0] / "model.safetensors").read_bytes()


def test_resume_needs_to_know_from_where(run, world, tmp_path):
    result = run("train", TINY, world.one, "-o", tmp_path / "model", "--resume")
    assert result.exit_code == 2
    assert "--resume goes on from --checkpoints FOLDER" in " ".join(result.stderr.replace("│", " ").split())


def test_one_of_several_processes_says_and_saves(run, world, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result = run("train", TINY, world.one, world.others, "-o", tmp_path / "model", "--words", "only")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert not (tmp_path / "model").exists()
    refused = run("train", TINY, tmp_path / "none.csv", "-o", tmp_path / "model", "--words", "only")
    assert "there is no such file" in refused.stderr
