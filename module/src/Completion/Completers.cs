using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using FedXdr.Rows;

namespace FedXdr.Completion;

internal abstract class WordCompleter : IArgumentCompleter
{
    private protected abstract IEnumerable<string> Words { get; }

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName,
        string parameterName,
        string wordToComplete,
        CommandAst commandAst,
        IDictionary fakeBoundParameters) =>
        Words
            .Where(word => word.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase))
            .Select(word => new CompletionResult(word));
}

/// <summary>Tenants of the connections that this process has seen.</summary>
internal sealed class TenantCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => DefaultConnection.SeenTenants.Order();
}

/// <summary>What a token can be for.</summary>
internal sealed class TokenResourceCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["Defender", "Xdr", "Graph", "Arm"];
}

/// <summary>What a connection can be checked for.</summary>
internal sealed class CheckResourceCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["Defender", "Xdr", "Graph", "Arm", "Machine", "Vulnerability"];
}

/// <summary>Regions of Defender's hosts.</summary>
internal sealed class GeoCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["us", "eu", "uk", "au", "swa", "ina", "aea"];
}

/// <summary>Fields that a resource's filter accepts: completes the last word of the expression.</summary>
internal abstract class FilterCompleter(Resource resource) : IArgumentCompleter
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
        var begun = expression.LastIndexOfAny([' ', '(']) + 1;
        return resource.FilterFields
            .Where(field => field.StartsWith(expression[begun..], StringComparison.OrdinalIgnoreCase))
            .Select(field => new CompletionResult(
                $"{quote}{expression[..begun]}{field} eq {quote}", field, CompletionResultType.ParameterValue, field));
    }
}

internal sealed class MachineFilterCompleter() : FilterCompleter(Catalog.Machines);

internal sealed class VulnerabilityFilterCompleter() : FilterCompleter(Catalog.SoftwareVulnerabilitiesByMachine);
