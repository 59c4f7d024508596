using System;
using System.Management.Automation;
using FedXdr.Session;

namespace FedXdr.Commands;

public abstract class FdxCommand : PSCmdlet
{
    private protected FdxCommand() => Runner = new QueryRunner(this);

    private protected QueryRunner Runner { get; }

    private protected string CommandName => MyInvocation.MyCommand?.Name ?? GetType().Name;

    private protected virtual void Begin()
    {
    }

    private protected virtual void Process()
    {
    }

    private protected virtual void End()
    {
    }

    protected sealed override void BeginProcessing() => Guard(Begin);

    protected sealed override void ProcessRecord() => Guard(Process);

    protected sealed override void EndProcessing() => Guard(End);

    protected sealed override void StopProcessing() => Runner.Stop();

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (FdxException e)
        {
            ThrowTerminatingError(e.ToErrorRecord());
        }
    }
}
