using System.Management.Automation;
using FedXdr.Queries;

namespace FedXdr;

/// <summary>
/// Ends what is under way in a runspace that removes the module; others go on. PowerShell makes a new object for this, so all
/// state is static.
/// </summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        RunningQueries.CancelMine();
        DefaultConnection.Forget();
    }
}
