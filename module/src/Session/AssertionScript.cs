using System;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Runspaces;
using System.Security;
using System.Text;
using FedXdr.Interop;
using FedXdr.Objects;

namespace FedXdr.Session;

/// <summary>A script block that makes client assertions. It runs on the pipeline thread.</summary>
internal sealed class AssertionScript(ScriptBlock script)
{
    // The innermost script block that runs on this thread.
    [ThreadStatic]
    private static AssertionScript? s_running;

    private readonly Runspace? _runspace = Runspace.DefaultRunspace;

    /// <summary>Rejects a command inside the script block that needs the assertion of this script block.</summary>
    internal void RefuseReentry()
    {
        if (ReferenceEquals(s_running, this))
        {
            throw Errors.AssertionScriptFailed(
                "the script block for the assertion uses the connection that it is for; use another connection in it");
        }
    }

    internal void Answer(QueryHandle query)
    {
        using var assertion = new PinnedBuffer();
        string? failure;
        var outer = s_running;
        s_running = this;
        try
        {
            failure = Write(Evaluate(), assertion);
        }
        catch (RuntimeException e) when (e is not PipelineStoppedException)
        {
            failure = e.Message;
        }
        finally
        {
            s_running = outer;
        }
        query.Answer(failure is null ? assertion.Written : default, Encoding.UTF8.GetBytes(failure ?? ""));
    }

    // A script block belongs to its runspace. In another runspace a copy of its text runs, with the variables there.
    private object? Evaluate() =>
        ReferenceEquals(Runspace.DefaultRunspace, _runspace)
            ? script.InvokeReturnAsIs()
            : ScriptBlock.Create(script.ToString()).InvokeReturnAsIs();

    // Returns why there is no assertion, or null.
    private static string? Write(object? result, PinnedBuffer output)
    {
        switch (result is PSObject wrapped && wrapped != AutomationNull.Value ? wrapped.BaseObject : result)
        {
            case SecureString secure:
                SecureText.Write(secure, output);
                break;
            case string text:
                Encoding.UTF8.GetBytes(text.Trim(), output);
                break;
            case Token token:
                SecureText.Write(token.Token, output);
                break;
            case null or PSObject:
                break;
            default:
                return "it gave something that is neither one string nor one SecureString";
        }
        return output.Written.IsEmpty ? "it gave nothing" : null;
    }
}
