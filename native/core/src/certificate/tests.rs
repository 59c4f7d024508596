use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const PEM: &[u8] = include_bytes!("fixtures/fake.pem");
const PASSWORD: Option<&str> = Some("fake-password");

fn id(bytes: &[u8], password: Option<&str>) -> &'static str {
    match Certificate::read(bytes, password) {
        Ok(_) => "read",
        Err(e) => e.id,
    }
}

#[test]
fn every_common_file_format_gives_the_same_certificate_and_a_key_that_signs() {
    let expected = Certificate::read(PEM, None).unwrap();
    for (name, bytes, password) in [
        ("PEM", PEM, None),
        ("PEM, PKCS #1", include_bytes!("fixtures/fake-pkcs1.pem").as_slice(), None),
        ("PFX of OpenSSL 3", include_bytes!("fixtures/fake.pfx"), PASSWORD),
        ("legacy PFX", include_bytes!("fixtures/fake-legacy.pfx"), PASSWORD),
        ("PFX with an empty password", include_bytes!("fixtures/fake-empty.pfx"), None),
        ("PFX with an empty password", include_bytes!("fixtures/fake-empty.pfx"), Some("")),
    ] {
        let certificate = Certificate::read(bytes, password).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(certificate.der(), expected.der(), "{name}");
        let signature = certificate.sign(b"message").unwrap();
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, certificate.key.public_key().as_ref())
            .verify(b"message", &signature)
            .unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_used_has_its_own_error() {
    for (bytes, password, expected) in [
        (include_bytes!("fixtures/fake.pfx").as_slice(), Some("wrong"), "Fdx.Certificate.WrongPassword"),
        (include_bytes!("fixtures/fake.pfx"), None, "Fdx.Certificate.PasswordMissing"),
        (include_bytes!("fixtures/fake-encrypted.pem"), Some("x"), "Fdx.Certificate.PasswordMissing"),
        (include_bytes!("fixtures/fake.cer"), None, "Fdx.Certificate.KeyMissing"),
        (include_bytes!("fixtures/fake-public.pem"), None, "Fdx.Certificate.KeyMissing"),
        (include_bytes!("fixtures/fake-ec.pem"), None, "Fdx.Certificate.KeyNotSupported"),
        (include_bytes!("fixtures/fake-foreign-key.pem"), None, "Fdx.Certificate.KeyNotSupported"),
        (b"", None, "Fdx.Certificate.Invalid"),
        (b"hello", None, "Fdx.Certificate.Invalid"),
        (b"\xff\xfe-\0-\0", None, "Fdx.Certificate.Invalid"),
        (b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n", None, "Fdx.Certificate.Invalid"),
        (b"\x30\x03\x02\x01\x03", None, "Fdx.Certificate.Invalid"),
        (&include_bytes!("fixtures/fake.pfx")[..1000], PASSWORD, "Fdx.Certificate.Invalid"),
    ] {
        assert_eq!(id(bytes, password), expected);
    }
}

#[test]
fn a_damaged_key_is_refused_when_it_is_read() {
    // Its numbers have the right form, but what they sign is wrong.
    let pem = include_str!("fixtures/fake-pkcs1.pem");
    let damaged = pem.replace("LB+SEIISF35c", "LB+SEAISF35c");
    assert_ne!(pem, damaged);
    assert_eq!(id(damaged.as_bytes(), None), "Fdx.Certificate.KeyNotSupported");
}
