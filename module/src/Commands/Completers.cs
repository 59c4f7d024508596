using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

/// <summary>Completes words of a fixed list.</summary>
internal abstract class WordCompleter(IEnumerable<string> words) : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        words
            .Where(word => word.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase))
            .Select(word => new CompletionResult(word));
}

/// <summary>Tenants of all connections that this process made.</summary>
internal sealed class TenantCompleter() : WordCompleter(DefaultConnection.SeenTenants.Order());

/// <summary>National clouds.</summary>
internal sealed class CloudCompleter() : WordCompleter(Abi.Clouds);

/// <summary>API families.</summary>
internal sealed class FamilyCompleter() : WordCompleter(Abi.Families);

/// <summary>APIs and resources that Test-FdxConnection can check.</summary>
internal sealed class CheckResourceCompleter() : WordCompleter(Catalog.CheckTargets);

/// <summary>Regions of the Defender hosts.</summary>
internal sealed class GeoCompleter() : WordCompleter(Abi.Regions);

/// <summary>Token caches.</summary>
internal sealed class TokenCacheCompleter() : WordCompleter(Abi.TokenCaches);

/// <summary>Datasets.</summary>
internal sealed class DatasetCompleter() : WordCompleter(Abi.Datasets);

/// <summary>Formats of datasets.</summary>
internal sealed class FormatCompleter() : WordCompleter(Abi.DatasetFormats);

/// <summary>Compressions of datasets.</summary>
internal sealed class CompressionCompleter() : WordCompleter(Abi.DatasetCompressions);

/// <summary>What an export reads.</summary>
internal sealed class ModeCompleter() : WordCompleter(Abi.DatasetModes);

/// <summary>Datasets that files can have.</summary>
internal sealed class StoredDatasetCompleter()
    : WordCompleter(Catalog.Datasets.Keys.Append(Catalog.QueryDataset));

/// <summary>Completes the last word of a filter expression with the filter fields of the resources.</summary>
internal abstract class FilterCompleter(params CatalogEntry[] resources) : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters)
    {
        var quote = wordToComplete.StartsWith('"') ? '"' : '\'';
        var expression = wordToComplete.Trim('\'', '"');
        var wordStart = expression.LastIndexOfAny([' ', '(']) + 1;
        return resources
            .SelectMany(resource => resource.FilterFields)
            .Distinct()
            .Where(field => field.StartsWith(expression[wordStart..], StringComparison.OrdinalIgnoreCase))
            .Select(field => new CompletionResult(
                completionText: $"{quote}{expression[..wordStart]}{field} eq {quote}",
                listItemText: field,
                CompletionResultType.ParameterValue,
                toolTip: field));
    }
}
