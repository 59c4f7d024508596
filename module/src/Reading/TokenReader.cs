using System;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace FedXdr.Reading;

/// <summary>Reads tokens: as objects, or as plain text on request.</summary>
internal sealed class TokenReader(bool asPlainText) : RowReader
{
    // The limit of SecureString, which has no constant for it.
    private const int MaxSecureLength = 65_536;

    internal override ColumnSpec[]? Columns => Tables.Token;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.Token.Length);
        columns[0].TryReadTextBytes(out var token);
        if (asPlainText)
        {
            return Encoding.UTF8.GetString(token);
        }
        var expiresOn = columns[1].ReadTime();
        columns[2].ReadTime();
        return new Token(Protect(token))
        {
            ExpiresOn = Expiry.Of(expiresOn),
            Audience = columns[3].ReadText(),
            AppId = columns[4].ReadText(),
            ObjectId = columns[5].ReadText(),
            Roles = new TextList(columns[6].ReadTextList() ?? []),
            TenantId = columns[7].ReadText() ?? stream.Tenant,
            TenantName = stream.TenantName,
            Scope = columns[8].ReadText(),
            FromCache = columns[9].ReadBool() ?? false,
        };
    }

    // Avoids a string, which cannot be wiped.
    private static unsafe SecureString Protect(ReadOnlySpan<byte> token)
    {
        var length = Encoding.UTF8.GetMaxCharCount(token.Length);
        var buffer = (char*)NativeMemory.Alloc((nuint)length, sizeof(char));
        try
        {
            var used = Encoding.UTF8.GetChars(token, new Span<char>(buffer, length));
            if (used > MaxSecureLength)
            {
                BatchFormatException.Throw("a token is too long for a SecureString");
            }
            var secure = new SecureString(buffer, used);
            secure.MakeReadOnly();
            return secure;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(new Span<byte>(buffer, length * sizeof(char)));
            NativeMemory.Free(buffer);
        }
    }
}
