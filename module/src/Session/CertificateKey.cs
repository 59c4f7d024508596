using System;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using FedXdr.Interop;
using FedXdr.Objects;

namespace FedXdr.Session;

/// <summary>
/// The key of a certificate. It stays where it is: in the store, a smart card, a TPM or an HSM. It signs when the
/// native library asks, on the pipeline thread.
/// </summary>
internal sealed class CertificateKey
{
    // Entra accepts no shorter key.
    private const int SmallestSize = 2048;
    private const int LargestSize = 8192;

    // Independent of the certificate object, which its owner may dispose.
    private readonly RSA _key;
    private readonly RSASignaturePadding _padding;

    private CertificateKey(RSA key, RSASignaturePadding padding)
    {
        _key = key;
        _padding = padding;
    }

    /// <summary>The algorithm of its signatures, by its name in RFC 7518.</summary>
    internal string Algorithm => _padding == RSASignaturePadding.Pss ? "PS256" : "RS256";

    /// <summary>The key of the certificate. A key that cannot sign is an error here, not at the first token.</summary>
    internal static CertificateKey Of(X509Certificate2 certificate)
    {
        if (!certificate.HasPrivateKey)
        {
            throw Errors.CertificateKeyMissing($"the certificate {certificate.Subject} has no private key");
        }
        RSA key;
        try
        {
            key = certificate.GetRSAPrivateKey()
                ?? throw Errors.CertificateKeyUnsuitable($"the key of {certificate.Subject} is not an RSA key");
        }
        catch (CryptographicException e)
        {
            throw Refused(certificate, e);
        }
        if (key.KeySize is < SmallestSize or > LargestSize)
        {
            throw Errors.CertificateKeyUnsuitable($"the key of {certificate.Subject} has {key.KeySize} bits");
        }
        return new CertificateKey(key, Padding(certificate, key));
    }

    /// <summary>Signs what the query asks for.</summary>
    internal unsafe void Answer(QueryHandle query, BatchHandle signingInput)
    {
        var view = signingInput.View();
        // The signature makes the assertion complete: it is a secret too.
        using var signature = new PinnedBuffer();
        string? failure = null;
        try
        {
            Sign(new ReadOnlySpan<byte>(view.ptr, (int)view.len), signature);
        }
        catch (CryptographicException e)
        {
            failure = e.Message;
        }
        query.Answer(signature.Written, Encoding.UTF8.GetBytes(failure ?? ""));
    }

    private void Sign(ReadOnlySpan<byte> data, PinnedBuffer output)
    {
        // A connection may be used in several runspaces, and an RSA object by one thread only.
        lock (_key)
        {
            var room = output.GetSpan((_key.KeySize + 7) / 8);
            output.Advance(_key.SignData(data, room, HashAlgorithmName.SHA256, _padding));
        }
    }

    // The providers of Windows before CNG know no PSS, and keep many imported keys.
    private static RSASignaturePadding Padding(X509Certificate2 certificate, RSA key)
    {
        try
        {
            key.SignData([], HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
            return RSASignaturePadding.Pss;
        }
        catch (CryptographicException)
        {
            // The second attempt tells whether it is the padding.
        }
        try
        {
            key.SignData([], HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            return RSASignaturePadding.Pkcs1;
        }
        catch (CryptographicException e)
        {
            throw Refused(certificate, e);
        }
    }

    private static FdxException Refused(X509Certificate2 certificate, CryptographicException e) =>
        Errors.CertificateKeyRefused($"the private key of {certificate.Subject} cannot be used: {e.Message}", e);
}
