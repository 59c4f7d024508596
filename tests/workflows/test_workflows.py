"""The workflows of GitHub keep to what makes them safe, and the YAML and Bicep of the examples can be read.

The last line is "N passed, N failed".
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import tree_sitter
import tree_sitter_bicep
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKFLOWS = os.path.join(ROOT, ".github", "workflows")
# In examples: what GitHub Actions would run.
EXAMPLE = os.path.join(ROOT, "examples", "hosts", "github-actions", "collect.yml")


class Strict(yaml.SafeLoader):
    """Refuses a key that appears twice, as GitHub and Kubernetes do."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        doubled = {key for key in keys if keys.count(key) > 1}
        if doubled:
            raise yaml.constructor.ConstructorError(None, None, f"double keys {doubled}", node.start_mark)
        return super().construct_mapping(node, deep)


def read(path):
    with open(path, encoding="utf-8") as file:
        return list(yaml.load_all(file, Strict))


def workflow(name):
    return read(os.path.join(WORKFLOWS, name))[0]


def zizmor(*paths):
    """Every audit of zizmor that needs no network."""
    program = os.path.join(os.path.dirname(sys.executable), "zizmor")
    command = [program, "--offline", "--no-progress", "--strict-collection", "--pedantic", *paths]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stdout + ended.stderr


class Workflows(unittest.TestCase):
    def test_zizmor_has_no_finding(self):
        code, said = zizmor(os.path.join(ROOT, ".github"), EXAMPLE)
        self.assertEqual(code, 0, said)
        for name in ("ci.yml", "release.yml", "action.yml", "dependabot.yml", "collect.yml"):
            self.assertIn(name, said)

    def test_zizmor_finds_what_it_looks_for(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, ".github", "workflows", "bad.yml")
            os.makedirs(os.path.dirname(path))
            with open(path, "w", encoding="utf-8") as file:
                file.write("on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n")
                file.write("      - uses: actions/checkout@v6\n")
                file.write("      - run: echo ${{ github.event.head_commit.message }}\n")
            code, said = zizmor(folder)
        self.assertNotEqual(code, 0)
        for audit in ("unpinned-uses", "artipacked", "template-injection", "excessive-permissions"):
            self.assertIn(audit, said)

    def test_actionlint_has_no_finding(self):
        if not shutil.which("actionlint"):
            self.skipTest("NOT TESTED: actionlint is not on PATH")
        files = [*sorted(glob.glob(os.path.join(WORKFLOWS, "*.yml"))), EXAMPLE]
        ended = subprocess.run(["actionlint", *files], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_every_action_is_pinned_to_a_commit_with_its_version(self):
        pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
        files = glob.glob(os.path.join(ROOT, ".github", "**", "*.yml"), recursive=True)
        files.append(EXAMPLE)
        versions = {}
        for path in files:
            with open(path, encoding="utf-8") as file:
                uses = re.findall(r"^\s*(?:- )?uses: (.*)$", file.read(), re.M)
            for used in uses:
                if used.startswith("$/"):
                    self.assertTrue(os.path.isdir(os.path.join(ROOT, used[2:])), used)
                    continue
                self.assertRegex(used, pinned, path)
                action, commit = used.split("@")
                versions.setdefault(action, set()).add(commit)
        self.assertGreater(len(versions), 4)
        for action, commits in versions.items():
            self.assertEqual(len(commits), 1, f"{action}: {commits}")

    def test_every_job_says_its_permissions_and_its_time(self):
        for name in ("ci.yml", "release.yml"):
            found = workflow(name)
            self.assertEqual(found["permissions"], {})
            for job, facts in found["jobs"].items():
                with self.subTest(workflow=name, job=job):
                    self.assertIn("permissions", facts)
                    self.assertLessEqual(facts["timeout-minutes"], 120)

    def test_ci_runs_on_every_system_with_every_supported_powershell(self):
        job = workflow("ci.yml")["jobs"]["test"]
        matrix = job["strategy"]["matrix"]
        self.assertEqual(matrix["powershell"], ["7.4", "7.6"])
        self.assertEqual({rid.split("-")[0] for rid in matrix["rid"]}, {"linux", "win", "osx"})
        self.assertEqual({found["rid"] for found in matrix["include"]}, set(matrix["rid"]))
        commands = "\n".join(step.get("run", "") for step in job["steps"])
        for command in ("build.ps1 -Task Test", "build.ps1 -Task Package", "Install-PSResource FedXdr"):
            self.assertIn(command, commands)

    def test_a_release_has_a_library_for_every_platform_of_the_loader(self):
        found = {entry["rid"] for entry in workflow("release.yml")["jobs"]["library"]["strategy"]["matrix"]["include"]}
        self.assertEqual(
            found,
            {"win-x64", "win-arm64", "linux-x64", "linux-arm64", "linux-musl-x64", "osx-x64", "osx-arm64"},
        )

    def test_only_a_tag_is_published_after_a_person_approved(self):
        found = workflow("release.yml")
        # YAML 1.1 reads the key "on" as true.
        self.assertEqual(found[True]["push"], {"tags": ["v*"]})
        jobs = found["jobs"]
        for name in ("release", "gallery"):
            self.assertEqual(jobs[name]["if"], "github.ref_type == 'tag'")
        self.assertEqual(jobs["gallery"]["environment"], "gallery")
        order = ["version", "library", "package", "test", "attest", "release", "gallery"]
        self.assertEqual(list(jobs), order)
        for before, job in zip(order, order[1:]):
            needs = jobs[job]["needs"]
            self.assertIn(before, [needs] if isinstance(needs, str) else needs)
        with open(os.path.join(WORKFLOWS, "release.yml"), encoding="utf-8") as file:
            secrets = re.findall(r"secrets\.(\w+)", file.read())
        self.assertEqual(secrets, ["GALLERY_KEY"])
        self.assertIn("GALLERY_KEY", str(jobs["gallery"]))
        writers = {name for name, facts in jobs.items() if facts["permissions"].get("contents") == "write"}
        self.assertEqual(writers, {"release"})

    def test_dependabot_watches_every_kind_of_dependency(self):
        found = read(os.path.join(ROOT, ".github", "dependabot.yml"))[0]["updates"]
        kinds = {entry["package-ecosystem"] for entry in found}
        self.assertEqual(kinds, {"cargo", "nuget", "pip", "github-actions"})
        for entry in found:
            for folder in entry["directories"]:
                self.assertTrue(os.path.isdir(ROOT + folder), folder)


class Examples(unittest.TestCase):
    def test_every_yaml_file_can_be_read(self):
        paths = glob.glob(os.path.join(ROOT, "examples", "hosts", "**", "*.y*ml"), recursive=True)
        for path in paths:
            with self.subTest(path=os.path.relpath(path, ROOT)):
                self.assertTrue(all(read(path)))

    def test_every_bicep_file_has_no_syntax_error(self):
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
        paths = glob.glob(os.path.join(ROOT, "examples", "**", "*.bicep"), recursive=True)
        self.assertGreater(len(paths), 3)
        for path in paths:
            with self.subTest(path=os.path.relpath(path, ROOT)):
                with open(path, encoding="utf-8") as file:
                    # The grammar is older than extensions.
                    text = re.sub(r"^extension \w+$", "", file.read(), flags=re.M)
                self.assertFalse(parser.parse(text.encode()).root_node.has_error)
        self.assertTrue(parser.parse(b"resource a 'b@2024-04-01' = {").root_node.has_error)

    def test_the_manifest_of_kubernetes_fits_together(self):
        documents = read(os.path.join(ROOT, "examples", "hosts", "kubernetes", "collector.yaml"))
        objects = {document["kind"]: document for document in documents}
        account, job, claim = (objects[kind] for kind in ("ServiceAccount", "CronJob", "PersistentVolumeClaim"))
        self.assertIn("azure.workload.identity/client-id", account["metadata"]["annotations"])
        template = job["spec"]["jobTemplate"]["spec"]["template"]
        self.assertEqual(template["metadata"]["labels"], {"azure.workload.identity/use": "true"})
        pod = template["spec"]
        self.assertEqual(pod["serviceAccountName"], account["metadata"]["name"])
        self.assertEqual(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        namespaces = {document["metadata"].get("namespace") for document in (account, job, claim)}
        self.assertEqual(namespaces, {objects["Namespace"]["metadata"]["name"]})
        container = pod["containers"][0]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        self.assertEqual(set(mounted), {volume["name"] for volume in pod["volumes"]})
        values = {entry["name"]: entry["value"] for entry in container["env"]}
        self.assertEqual(values["FEDXDR_OUTPUT"], mounted["data"])

    def test_the_pipeline_of_azure_has_its_steps(self):
        found = read(os.path.join(ROOT, "examples", "hosts", "azure-pipelines", "azure-pipelines.yml"))[0]
        steps = found["jobs"][0]["steps"]
        self.assertEqual(["checkout", "pwsh", "pwsh"], [next(k for k in ("checkout", "pwsh") if k in s) for s in steps])
        self.assertEqual(steps[2]["env"], {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"})
        self.assertEqual(found["trigger"], "none")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
    print(f"{max(result.testsRun - failed - len(result.skipped), 0)} passed, {failed} failed")
    sys.exit(0 if result.wasSuccessful() else 1)
