using System;
using System.Management.Automation;
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
            throw Failed("it uses the connection that it is for: give that command another connection");
        }
    }

    internal void Answer(QueryHandle query)
    {
        using var assertion = new PinnedBuffer();
        var failure = "";
        var outer = s_running;
        s_running = this;
        try
        {
            Write(Evaluate(), assertion);
        }
        catch (RuntimeException e) when (e is not PipelineStoppedException)
        {
            failure = e.Message;
        }
        catch (FdxException e)
        {
            failure = e.Message;
        }
        finally
        {
            s_running = outer;
        }
        if (assertion.Written.IsEmpty && failure.Length == 0)
        {
            failure = "it gave nothing";
        }
        query.Answer(failure.Length == 0 ? assertion.Written : default, Encoding.UTF8.GetBytes(failure));
    }

    // A script block belongs to its runspace. In another one a copy of its text runs, which sees that one's variables.
    private object? Evaluate() =>
        ReferenceEquals(Runspace.DefaultRunspace, _home)
            ? script.InvokeReturnAsIs()
            : ScriptBlock.Create(script.ToString()).InvokeReturnAsIs();

    private static void Write(object? result, PinnedBuffer output)
    {
        switch (Unwrap(result))
        {
            case null:
                break;
            case SecureString secure:
                SecureText.Write(secure, output);
                break;
            case string text:
                Encoding.UTF8.GetBytes(text.Trim(), output);
                break;
            case Token token:
                SecureText.Write(token.Token, output);
                break;
            default:
                throw Failed("it gave something that is neither one string nor one SecureString");
        }
    }

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static FdxException Failed(string why) => Errors.AssertionScriptFailed($"the script block for the assertion failed: {why}");
}
