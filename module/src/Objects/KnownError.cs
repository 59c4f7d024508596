namespace FedXdr;

/// <summary>The explanation of a known error.</summary>
public sealed class KnownError
{
    /// <summary>Stable id, for errors of FedXdr.</summary>
    public string? Id { get; internal init; }

    /// <summary>Error code of Entra (AADSTS), if there is one.</summary>
    public long? Code { get; internal init; }

    /// <summary>Check of Test-FdxConnection that this error fails.</summary>
    public string? Check { get; internal init; }

    /// <summary>What is wrong.</summary>
    public string? Cause { get; internal init; }

    /// <summary>How to fix it.</summary>
    public string? Fix { get; internal init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Id ?? $"AADSTS{Code}"}: {Cause}";
}
