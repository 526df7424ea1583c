"""The explorer in a real browser: its journeys, by mouse and by keyboard, at a desk and on a phone.

Needs Debian's ``chromium`` (``apt-get install chromium``). With ``HIERCLS_SCREENSHOTS`` set to a folder, the pictures
of ``docs/serving.md`` are written there.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hiercls.data import read
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.serving import CustomerStore, Tokens
from hiercls.taxonomy import shipped

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("needs Debian's chromium", allow_module_level=True)
pytest.importorskip("playwright")

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

expect.set_options(timeout=30_000)  # for machines that are busy
ADMIN, ONE = "token-of-admin-0123456789", "token-of-one-0123456789"
TEXT = "The telescope caught a comet, and the pianist played."
WRONG = "customer: acme\nclasses:\n  Science: [A, B, Q]\n  Other: rest\n"
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
HURT = "<img src=x onerror='window.hurt=1'><script>window.hurt=1</script>"


@pytest.fixture(scope="module")
def browser():
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="module")
def readable() -> HierarchicalTextClassifier:
    """The tiny world's own documents, by words alone."""
    rows = read(Path(shipped("tiny")).with_suffix(".jsonl")).rows
    return HierarchicalTextClassifier(shipped("tiny"), encoder=None).fit_rows(rows)


@pytest.fixture
def address(live, readable, tmp_path) -> str:
    return live(
        model=readable,
        store=CustomerStore(path=tmp_path / "customers.json"),
        tokens=Tokens(admin=ADMIN, customers={"one": ONE}),
    )


@pytest.fixture
def opened(browser):
    """Opens a page; at the end nothing that it said on its console, and no request of another place, is left."""
    pages: list[Page] = []
    said: list[str] = []

    def open_page(address: str, *, token: str | None = None, viewport=DESK) -> Page:
        page = browser.new_page(viewport=viewport)
        pages.append(page)
        page.on("console", lambda one: "the server responded with" in one.text or said.append(one.text))
        page.on("pageerror", lambda one: said.append(str(one)))
        page.on("dialog", lambda one: said.append(one.message))
        page.on("request", lambda one: one.url.startswith(f"{address}/") or said.append(one.url))
        page.goto(address)
        if token is not None:
            expect(page.get_by_role("alert")).to_have_text("this server asks for a token: type it above")
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Use").click()
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [one for one in said if "data:," not in one] == []


def row(page: Page, customer: str):
    """A customer's line of the table."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=customer, exact=True))


def picture(page: Page, name: str) -> None:
    """Keep a picture for the docs, where that is asked for."""
    if folder := os.environ.get("HIERCLS_SCREENSHOTS"):
        page.mouse.move(0, 0)
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_text_is_classified_and_explained_for_each_customer(opened, address, readable, viewport):
    page = opened(address, token=ADMIN, viewport=viewport)
    page.get_by_label("Text", exact=True).fill(TEXT)
    (topic,) = readable.predict([TEXT])
    expect(page.get_by_role("status").first).to_contain_text(f"Likeliest: {topic}, ")
    expect(page.locator("#topics .likeliest")).to_contain_text(topic)
    for customer in ("one", "two", "three"):
        (label,) = readable.predict([TEXT], at=customer)
        expect(row(page, customer).get_by_role("cell").first).to_have_text(label)
        page.get_by_role("button", name=f"Why, for {customer}?").click()
        expect(page.get_by_role("heading", name=f"Why {label}, for {customer}")).to_be_visible()
        expect(page.locator("#why-text")).to_have_text(TEXT)
    expect(page.locator("#why-section")).to_be_focused()
    expect(page.locator("mark").filter(has_text="telescope").first).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")
    picture(page, "explorer" if viewport is DESK else "explorer-phone")


def test_a_customer_is_added_once_the_mistake_in_its_yaml_is_mended(opened, address):
    page = opened(address, token=ADMIN)
    page.get_by_label("Text", exact=True).fill(TEXT)
    yaml, problems, apply = page.get_by_label("Its classes, in YAML"), page.locator("#problems"), page.locator("#apply")
    yaml.fill(WRONG)
    expect(problems).to_contain_text("unknown topic 'Q'")
    expect(apply).to_be_disabled()
    picture(page, "explorer-mistake")
    problems.get_by_role("button", name="line 3").click()
    expect(yaml).to_be_focused()
    page.keyboard.type("  Science: [A, B, C]")
    expect(yaml).to_have_value(WRONG.replace("Q", "C"))
    expect(problems).to_contain_text("acme: 2 classes.")
    apply.click()
    expect(problems).to_contain_text("acme is answered from now on")
    expect(row(page, "acme").get_by_role("cell").first).to_have_text("Science")
    expect(page.get_by_role("heading", name="Why Science, for acme")).to_be_visible()
    yaml.fill(WRONG.replace("Q", "C").replace("Science", "Nature"))
    expect(page.locator("#replace-row")).to_be_visible()
    apply.click()
    expect(page.get_by_role("alert")).to_contain_text("there is a customer 'acme' already")
    page.get_by_label("give the customer of this name").check()
    apply.click()
    expect(row(page, "acme").get_by_role("cell").first).to_have_text("Nature")
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_file_s_yaml_is_checked(opened, address, tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(WRONG)
    page = opened(address, token=ADMIN)
    page.locator("#file").set_input_files(file)
    expect(page.locator("#problems")).to_contain_text("unknown topic 'Q'")


def test_another_token_sees_its_own_and_nothing_of_before(opened, address):
    page = opened(address, token=ADMIN)
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("button", name="Why, for two?").click()
    expect(page.locator("#why-text")).to_have_text(TEXT)
    page.get_by_label("Token").fill(ONE)
    page.get_by_label("Token").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("hiercls one")
    expect(row(page, "one").get_by_role("cell").first).to_have_text("ABC")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    for hidden in ("#topics-section", "#add-section", "#why-section"):
        expect(page.locator(hidden)).to_be_hidden()
    page.get_by_role("button", name="Why, for one?").click()
    expect(page.get_by_role("heading", name="Why ABC, for one")).to_be_visible()
    assert "two" not in page.locator("body").inner_text().split()


def test_all_of_it_can_be_done_with_the_keyboard(opened, address):
    page = opened(address)
    keys = page.keyboard

    def reach(locator) -> None:
        """Tab until it has the focus."""
        for _ in range(40):
            if locator.evaluate("one => one === document.activeElement"):
                return
            keys.press("Tab")
        pytest.fail("the keyboard never gets there")

    expect(page.get_by_label("Token")).to_be_focused()  # since a token is asked for
    keys.type(ADMIN)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("hiercls tiny")
    reach(page.get_by_label("Text", exact=True))
    keys.type(TEXT)
    expect(row(page, "three")).to_be_visible()
    reach(page.get_by_role("button", name="Why, for three?"))
    keys.press("Enter")
    expect(page.locator("#why-section")).to_be_focused()
    reach(page.get_by_label("Its classes, in YAML"))
    keys.insert_text(WRONG)
    expect(page.locator("#problems")).to_contain_text("unknown topic 'Q'")
    keys.press("Control+a")
    keys.insert_text(WRONG.replace("Q", "C"))
    expect(page.locator("#apply")).to_be_enabled()
    reach(page.locator("#apply"))
    keys.press("Enter")
    expect(row(page, "acme").get_by_role("cell").first).to_have_text("Science")


def test_markup_is_text_wherever_it_stands(opened, live):
    world = {
        "hiercls": 1,
        "name": f"w {HURT}",
        "levels": ["area", "topic"],
        "topics": {f"X {HURT}": [f"A {HURT}", f"B {HURT}"]},
        "about": {f"A {HURT}": f"about {HURT}"},
        "customers": {f"c {HURT}": {f"K {HURT}": f"A {HURT}", "Other": "rest"}},
    }
    texts = ["red fox", "red hen", "blue sea", "blue sky"]
    model = HierarchicalTextClassifier(world, encoder=None).fit(texts, [f"A {HURT}"] * 2 + [f"B {HURT}"] * 2)
    page = opened(live(model=model))
    page.get_by_label("Text", exact=True).fill(f"red {HURT}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"hiercls w {HURT}")
    expect(page.locator("#topics .likeliest")).to_contain_text(f"A {HURT}")
    expect(page.locator("#topics")).to_contain_text(f"X {HURT}")
    expect(page.locator("#customers th")).to_have_text(f"c {HURT}")
    expect(page.locator("#customers td").first).to_have_text(f"K {HURT}")
    page.get_by_role("button", name="Why").click()
    expect(page.locator("#why-text")).to_have_text(f"red {HURT}")
    expect(page.locator("#why-title")).to_have_text(f"Why K {HURT}, for c {HURT}")
    page.get_by_label("Its classes, in YAML").fill(f'customer: "n {HURT}"\nclasses: {{"{HURT}": "q {HURT}"}}')
    expect(page.locator("#problems")).to_contain_text(HURT)
    assert page.locator("main img, main script, #problems img").count() == 0
    assert page.evaluate("window.hurt") is None
