"""MSAL and azure-identity get their tokens from the fake tenant, which reports no violation.

FEDXDR_TENANT is the path of the fake tenant. The last line is "N passed, N failed".
"""
import base64
import datetime
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import unittest

import msal
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

DEFENDER = "https://api.securitycenter.microsoft.com"
GRAPH = "https://graph.microsoft.com"
EXCHANGE = "api://AzureADTokenExchange"
# What the machine of the test has must not count.
PREFIXES = ("IDENTITY_", "IMDS_", "MSI_", "AZURE_", "AZUREPS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class FakeTenant:
    """The fake tenant as a process. Its token endpoint is behind TLS, as both libraries demand."""

    def __init__(self):
        command = [os.environ["FEDXDR_TENANT"], "--until-stdin-closes", "--tls", "--rows", "300", "--machines", "20"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addresses = json.loads(self.process.stdout.readline())
        self.folder = tempfile.TemporaryDirectory()
        self.bundle = self.write("root.pem", self["tlsCertificate"].encode())
        self.tenant = self["tenants"][0]["tenantId"]

    def __getitem__(self, name):
        return self.addresses[name]

    def write(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def control(self, method, path, body=None):
        answer = requests.request(method, self["control"] + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.folder.cleanup()


class Certificate:
    """A self-signed certificate with its key."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake collector")])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=30))
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(Encoding.PEM)
        self.key_pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.der = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        self.sha1 = self.certificate.fingerprint(hashes.SHA1()).hex()

    def pfx(self):
        return pkcs12.serialize_key_and_certificates(b"fake", self.key, self.certificate, None, NoEncryption())


def setUpModule():
    global fake, certificate
    for name in [name for name in os.environ if name.upper().startswith(PREFIXES)]:
        del os.environ[name]
    fake, certificate = FakeTenant(), Certificate()
    # The refusals that the tests expect.
    logging.disable(logging.CRITICAL)
    os.environ["REQUESTS_CA_BUNDLE"] = fake.bundle


def tearDownModule():
    fake.stop()


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class ClientTest(unittest.TestCase):
    def setUp(self):
        fake.control("POST", "/reset")
        self.set_place()

    def tearDown(self):
        self.assertEqual(fake.control("GET", "/report")["violations"], [])

    def set_place(self, **variables):
        """Sets the variables of a host's identity and removes all others."""
        for name in [name for name in os.environ if name.startswith(PREFIXES)]:
            del os.environ[name]
        os.environ.update(variables)

    def set_app(self, **change):
        fake.control("PATCH", "/world", {"app": change})

    def assert_identity(self, token, identity):
        self.assertEqual(claims(token)["oid"], identity["objectId"])

    def assert_app_token(self, token):
        found = claims(token)
        self.assertEqual((found["aud"], found["tid"], found["appid"]), (DEFENDER, fake.tenant, fake["clientId"]))
        headers = {"Authorization": "Bearer " + token}
        answer = requests.get(fake["defender"] + "/api/machines?$top=3", headers=headers, timeout=10)
        self.assertEqual((answer.status_code, len(answer.json()["value"])), (200, 3))


class ManagedIdentity(ClientTest):
    """azure-identity and MSAL at the identity endpoints."""

    def app_service(self):
        self.set_place(IDENTITY_ENDPOINT=fake["identityEndpoint"], IDENTITY_HEADER=fake["identityHeader"])

    def imds(self):
        self.set_place(AZURE_POD_IDENTITY_AUTHORITY_HOST=fake["imds"])

    def check_azure_identity(self):
        identity = fake["secondIdentity"]
        for selector in (
            {"client_id": identity["clientId"]},
            {"identity_config": {"object_id": identity["objectId"]}},
            {"identity_config": {"resource_id": identity["resourceId"]}},
        ):
            with self.subTest(selector=selector):
                token = ManagedIdentityCredential(**selector).get_token(GRAPH + "/.default")
                self.assert_identity(token.token, identity)
                self.assertGreater(token.expires_on, time.time() + 3600)
        self.assert_identity(ManagedIdentityCredential().get_token(GRAPH).token, fake["systemIdentity"])

    def check_msal(self):
        identity = fake["secondIdentity"]
        for selector in (
            msal.UserAssignedManagedIdentity(client_id=identity["clientId"]),
            msal.UserAssignedManagedIdentity(object_id=identity["objectId"]),
            msal.UserAssignedManagedIdentity(resource_id=identity["resourceId"]),
        ):
            with self.subTest(selector=selector):
                self.assert_identity(self.ask_msal(selector), identity)
        self.assert_identity(self.ask_msal(msal.SystemAssignedManagedIdentity()), fake["systemIdentity"])

    def ask_msal(self, identity):
        client = msal.ManagedIdentityClient(identity, http_client=requests.Session())
        answer = client.acquire_token_for_client(resource=GRAPH)
        self.assertIn("access_token", answer, answer)
        self.assertGreater(answer["expires_in"], 3600)
        return answer["access_token"]

    def test_azure_identity_on_app_service(self):
        self.app_service()
        self.check_azure_identity()

    def test_azure_identity_on_a_vm(self):
        self.imds()
        self.check_azure_identity()

    def test_msal_on_app_service(self):
        self.app_service()
        self.check_msal()

    def test_msal_on_a_vm(self):
        self.imds()
        self.check_msal()

    def test_msal_in_azure_automation(self):
        endpoint = fake["automationIdentityEndpoint"]
        self.set_place(IDENTITY_ENDPOINT=endpoint, IDENTITY_HEADER=fake["identityHeader"])
        identity = fake["secondIdentity"]
        selector = msal.UserAssignedManagedIdentity(client_id=identity["clientId"])
        self.assert_identity(self.ask_msal(selector), identity)
        self.assert_identity(self.ask_msal(msal.SystemAssignedManagedIdentity()), fake["systemIdentity"])

    def test_msal_on_service_fabric(self):
        self.set_place(
            IDENTITY_ENDPOINT=fake["fabricIdentityEndpoint"],
            IDENTITY_HEADER=fake["fabricHeader"],
            IDENTITY_SERVER_THUMBPRINT=fake["fabricThumbprint"],
        )
        self.assert_identity(self.ask_msal(msal.SystemAssignedManagedIdentity()), fake["managedIdentity"])

    def test_both_in_azure_machine_learning(self):
        self.set_place(MSI_ENDPOINT=fake["machineLearningEndpoint"], MSI_SECRET=fake["identityHeader"])
        # There it is a number. In the same version of App Service it is a date, which MSAL cannot read.
        fake.control("PATCH", "/world", {"expiresOnFormat": "number"})
        identity = fake["secondIdentity"]
        selector = msal.UserAssignedManagedIdentity(client_id=identity["clientId"])
        self.assert_identity(self.ask_msal(selector), identity)
        token = ManagedIdentityCredential(client_id=identity["clientId"]).get_token(GRAPH + "/.default")
        self.assert_identity(token.token, identity)

    def test_azure_identity_in_cloud_shell(self):
        self.set_place(MSI_ENDPOINT=fake["cloudShellEndpoint"])
        token = ManagedIdentityCredential().get_token(GRAPH + "/.default").token
        self.assertEqual(claims(token)["idtyp"], "user")

    def test_an_unknown_identity_is_refused(self):
        for place in (self.app_service, self.imds):
            with self.subTest(place=place.__name__):
                place()
                with self.assertRaises(ClientAuthenticationError):
                    ManagedIdentityCredential(client_id=fake["clientId"]).get_token(GRAPH + "/.default")


class AzureIdentity(ClientTest):
    """azure-identity at the token endpoint."""

    def options(self):
        return {"authority": fake["authority"], "disable_instance_discovery": True}

    def check(self, credential):
        self.assert_app_token(credential.get_token(DEFENDER + "/.default").token)

    def test_client_secret(self):
        self.check(ClientSecretCredential(fake.tenant, fake["clientId"], fake["clientSecret"], **self.options()))

    def test_client_secret_with_continuous_access_evaluation(self):
        secret = fake["clientSecret"]
        credential = ClientSecretCredential(fake.tenant, fake["clientId"], secret, **self.options())
        self.assert_app_token(credential.get_token(DEFENDER + "/.default", enable_cae=True).token)

    def test_certificate_with_and_without_its_chain(self):
        self.set_app(certificates=[certificate.der])
        pem = certificate.key_pem + certificate.pem
        for data in (pem, certificate.pfx()):
            for chain in (False, True):
                with self.subTest(pem=data is pem, chain=chain):
                    more = {"certificate_data": data, "send_certificate_chain": chain, **self.options()}
                    self.check(CertificateCredential(fake.tenant, fake["clientId"], **more))

    def test_a_managed_identitys_token_as_assertion(self):
        identity = fake["managedIdentity"]["clientId"]

        def assertion():
            self.set_place(AZURE_POD_IDENTITY_AUTHORITY_HOST=fake["imds"])
            return ManagedIdentityCredential(client_id=identity).get_token(EXCHANGE + "/.default").token

        options = {"authority": fake["authority"]}
        self.check(ClientAssertionCredential(fake.tenant, fake["clientId"], assertion, **options))

    def test_workload_identity_of_kubernetes(self):
        issuer, subject = "https://oidc.example.net/cluster/", "system:serviceaccount:security:collector"
        self.set_app(federatedCredentials=[{"issuer": issuer, "subject": subject, "audience": EXCHANGE}])
        now = int(time.time())
        body = {"iss": issuer, "sub": subject, "aud": [EXCHANGE], "iat": now, "nbf": now, "exp": now + 3600}
        file = fake.write("azure-identity-token", fake.control("POST", "/mint", body)["token"].encode())
        options = {"authority": fake["authority"], "token_file_path": file}
        self.check(WorkloadIdentityCredential(tenant_id=fake.tenant, client_id=fake["clientId"], **options))

    def test_a_refusal_names_its_code(self):
        secret = fake["clientSecret"]
        for code, tenant, secret in (("AADSTS7000215", fake.tenant, "wrong"), ("AADSTS53003", fake.tenant, secret)):
            with self.subTest(code=code):
                if code == "AADSTS53003":
                    tenants = fake.control("GET", "/world")["tenants"]
                    tenants[0]["refusal"] = 53003
                    fake.control("PATCH", "/world", {"tenants": tenants})
                credential = ClientSecretCredential(tenant, fake["clientId"], secret, **self.options())
                with self.assertRaisesRegex(ClientAuthenticationError, code):
                    credential.get_token(DEFENDER + "/.default")


class Msal(ClientTest):
    """MSAL at the token endpoint."""

    def check(self, credential, tenant=None, discovery=False):
        application = msal.ConfidentialClientApplication(
            fake["clientId"],
            client_credential=credential,
            authority=f"{fake['authority']}/{tenant or fake.tenant}",
            instance_discovery=discovery,
        )
        answer = application.acquire_token_for_client([DEFENDER + "/.default"])
        self.assertIn("access_token", answer, answer)
        self.assert_app_token(answer["access_token"])
        return application

    def test_secret(self):
        self.check(fake["clientSecret"])
        self.check(fake["clientSecret"], tenant=fake["tenants"][0]["domain"])

    def test_secret_after_instance_discovery(self):
        self.check(fake["clientSecret"], discovery=fake["authority"] + "/common/discovery/instance")

    def test_a_managed_identitys_token_as_assertion(self):
        self.set_place(IDENTITY_ENDPOINT=fake["identityEndpoint"], IDENTITY_HEADER=fake["identityHeader"])
        identity = msal.UserAssignedManagedIdentity(client_id=fake["managedIdentity"]["clientId"])
        client = msal.ManagedIdentityClient(identity, http_client=requests.Session())
        self.check({"client_assertion": lambda: client.acquire_token_for_client(resource=EXCHANGE)["access_token"]})

    def test_certificate(self):
        self.set_app(certificates=[certificate.der])
        key, pem = certificate.key_pem.decode(), certificate.pem.decode()
        file = fake.write("fake.pfx", certificate.pfx())
        for name, credential in (
            ("RS256 without x5c", {"private_key": key, "thumbprint": certificate.sha1}),
            ("RS256 with x5c", {"private_key": key, "thumbprint": certificate.sha1, "public_certificate": pem}),
            ("PS256 with x5c", {"private_key": key, "public_certificate": pem}),
            ("PS256 without x5c", {"private_key_pfx_path": file}),
            ("PS256 with x5c of a PFX", {"private_key_pfx_path": file, "public_certificate": True}),
        ):
            with self.subTest(credential=name):
                application = self.check(credential)
                # The same assertion once more, for another resource.
                answer = application.acquire_token_for_client([GRAPH + "/.default"])
                self.assertIn("access_token", answer, answer)

    def test_a_certificate_that_is_not_registered_is_refused(self):
        credential = {"private_key": certificate.key_pem.decode(), "thumbprint": certificate.sha1}
        application = msal.ConfidentialClientApplication(
            fake["clientId"],
            client_credential=credential,
            authority=f"{fake['authority']}/{fake.tenant}",
            instance_discovery=False,
        )
        answer = application.acquire_token_for_client([DEFENDER + "/.default"])
        self.assertEqual((answer["error"], answer["error_codes"]), ("invalid_client", [700027]))

    def test_an_unknown_tenant_is_refused_before_any_token_request(self):
        with self.assertRaisesRegex(ValueError, "Unable to get authority configuration"):
            self.check(fake["clientSecret"], tenant="dddddddd-0000-4000-8000-000000000001")
        self.assertNotIn("exchanges", fake.control("GET", "/report")["counts"])


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
    print(f"{max(result.testsRun - failed, 0)} passed, {failed} failed")
    sys.exit(0 if result.wasSuccessful() else 1)
