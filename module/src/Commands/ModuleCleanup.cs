using System.Management.Automation;
using FedXdr.Session;

namespace FedXdr.Commands;

/// <summary>
/// Cancels the queries of the runspace that removes the module; other runspaces continue. PowerShell creates a new
/// object for each removal, so all state is static.
/// </summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        RunningQueries.CancelInCurrentRunspace();
        DefaultConnection.Clear();
    }
}
