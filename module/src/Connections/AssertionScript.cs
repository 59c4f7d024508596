using System;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Runspaces;
using System.Security;
using System.Text;
using FedXdr.Interop;
using FedXdr.Queries;

namespace FedXdr;

/// <summary>A script block that makes client assertions, on the pipeline's thread.</summary>
internal sealed class AssertionScript(ScriptBlock script)
{
    // The script blocks that this thread is in, by the innermost one; each knows the one around it.
    [ThreadStatic]
    private static AssertionScript? s_running;

    private readonly Runspace? _home = Runspace.DefaultRunspace;

    /// <summary>The script block's own commands must not wait for what only it can give.</summary>
    internal void RefuseReentry()
    {
        if (ReferenceEquals(s_running, this))
        {
            throw Errors.AssertionScriptFailed(
                "the script block for the assertion uses the connection that it is for: give that command another connection");
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

    // A script block belongs to its runspace. In another one a copy of its text runs, which sees that one's variables.
    private object? Evaluate() =>
        ReferenceEquals(Runspace.DefaultRunspace, _home)
            ? script.InvokeReturnAsIs()
            : ScriptBlock.Create(script.ToString()).InvokeReturnAsIs();

    // Why there is nothing to write, or null.
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
