using System;
using System.IO;
using System.Management.Automation;
using FedXdr.Objects;
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

    /// <summary>
    /// The full path of a file or folder. <paramref name="invalid"/> makes the error of a path that is not.
    /// </summary>
    private protected string FullPath(string path, Func<string, FdxException> invalid)
    {
        // PowerShell would take an address for a path of an unknown drive.
        if (path.Contains("://", StringComparison.Ordinal))
        {
            return path;
        }
        var full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == "FileSystem"
            ? full
            : throw invalid($"{path} is not in the file system; it belongs to the PowerShell provider {provider.Name}");
    }

    /// <summary>
    /// The connection of a command that needs none from the user. Files of a folder need none, and a storage container,
    /// a stream or an event hub is reached with the managed identity of this machine.
    /// </summary>
    private protected static Connection ConnectionOrOwn(Connection? given) =>
        given ?? DefaultConnection.Current ?? AdHocConnection.Open(sendsRequests: true);

    /// <summary>The text of a file with a query.</summary>
    private protected string ReadQuery(string path)
    {
        var full = FullPath(path, message => Errors.QueryFileUnreadable(message));
        try
        {
            return File.ReadAllText(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.QueryFileUnreadable($"the query in {full} cannot be read: {e.Message}", e);
        }
    }

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
