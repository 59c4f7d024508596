"""The report in Chromium: it loads nothing else, is accessible, prints, and fits narrow screens. The first argument is
the page, as the module's tests wrote it.

The last line is "N passed, N failed".
"""
import os
import shutil
import sys
import unittest

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

PAGE = "file://" + os.path.abspath(sys.argv.pop(1))
BROWSERS = "chromium", "chromium-browser", "google-chrome"
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        # In a container, Chromium's own sandbox has no rights.
        cls.browser = cls.playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def page(self, **options):
        self.said, self.requests = [], []
        context = self.browser.new_context(offline=True, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(PAGE)
        return page

    def test_nothing_else_is_loaded_and_nothing_is_wrong(self):
        page = self.page()
        self.assertEqual(self.requests, [PAGE])
        self.assertEqual(self.said, [])
        self.assertEqual(page.locator("script").count(), 0)

    def test_accessible_in_light_and_dark(self):
        grounds = set()
        for scheme in "light", "dark":
            with self.subTest(scheme):
                page = self.page(color_scheme=scheme)
                found = Axe().run(page)
                self.assertEqual(found.violations_count, 0, found.generate_report())
                grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(grounds), 2)

    def test_a_narrow_screen_scrolls_tables_and_not_the_page(self):
        page = self.page(viewport={"width": 360, "height": 740})
        width = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(width, 360)

    def test_the_keyboard_reaches_the_numbers(self):
        page = self.page()
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.getAttribute('href')"), "#main")
        page.keyboard.press("Enter")
        self.assertTrue(page.url.endswith("#main"))

    def test_print_has_no_navigation_and_all_sections(self):
        page = self.page()
        sections = page.locator("section").count()
        page.emulate_media(media="print")
        self.assertFalse(page.locator("nav").is_visible())
        self.assertEqual(sum(page.locator("section").nth(at).is_visible() for at in range(sections)), sections)
        self.assertTrue(page.pdf(format="A4").startswith(b"%PDF"))

    def test_charts_say_in_words_what_they_show(self):
        page = self.page()
        charts = page.locator("svg[role=img]")
        self.assertGreater(charts.count(), 1)
        for at in range(charts.count()):
            chart = charts.nth(at)
            words = chart.get_attribute("aria-label") or chart.locator("title").first.text_content()
            self.assertRegex(words, r"\d|none")


if __name__ == "__main__":
    if not BROWSER:
        print("NOT TESTED: the report in a browser, because none of these is here: " + ", ".join(BROWSERS))
        print(f"0 passed, {1 if os.environ.get('CI') else 0} failed, 1 skipped")
        sys.exit(bool(os.environ.get("CI")))
    done = unittest.main(exit=False, argv=sys.argv[:1]).result
    failed = len({str(test) for test, _ in done.failures + done.errors})
    print(f"{done.testsRun - failed} passed, {failed} failed")
    sys.exit(bool(failed))
