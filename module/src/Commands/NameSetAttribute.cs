using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using FedXdr.Interop;

namespace FedXdr.Commands;

/// <summary>As ValidateSet, with names that the native library defines: ValidateSet takes only literals.</summary>
public abstract class NameSetAttribute : ValidateEnumeratedArgumentsAttribute
{
    private protected NameSetAttribute(string[] names) => ValidValues = names;

    /// <summary>The names.</summary>
    public IReadOnlyList<string> ValidValues { get; }

    /// <inheritdoc/>
    protected override void ValidateElement(object element)
    {
        var name = element as string;
        if (!ValidValues.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            throw new ValidationMetadataException(
                $"The argument \"{name}\" is none of these: {string.Join(", ", ValidValues)}.");
        }
    }
}

/// <summary>Validates the name of a cloud.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class CloudNameAttribute() : NameSetAttribute(Abi.Clouds);

/// <summary>Validates the name of an API family.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FamilyNameAttribute() : NameSetAttribute(Abi.Families);

/// <summary>Validates the name of a token cache.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TokenCacheNameAttribute() : NameSetAttribute(Abi.TokenCaches);

/// <summary>Validates the format of a dataset's files.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FormatNameAttribute() : NameSetAttribute(Abi.DatasetFormats);

/// <summary>Validates the compression of a dataset's files.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class CompressionNameAttribute() : NameSetAttribute(Abi.DatasetCompressions);

/// <summary>Validates what an export reads.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ModeNameAttribute() : NameSetAttribute(Abi.DatasetModes);
