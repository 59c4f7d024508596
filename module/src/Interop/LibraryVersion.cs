using System.Reflection;
using System.Text;

namespace FedXdr.Interop;

/// <summary>What support asks for first: the versions of both halves of the module.</summary>
internal static unsafe class LibraryVersion
{
    /// <summary>Version and, in a published package, commit of the module and of the native library.</summary>
    internal static string Describe()
    {
        NativeLibraryLoader.EnsureLoaded();
        var assembly = typeof(LibraryVersion).Assembly;
        var module = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";
        FdxBytes_t native;
        var library = NativeMethods.fdx_version(&native) == FdxStatus_t.Ok
            ? Encoding.UTF8.GetString(native.ptr, checked((int)native.len))
            : "?";
        return $"FedXdr {module}, native library {library} ({NativeLibraryLoader.Rid()})";
    }
}
