using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>Loads the native library at its first use, and rejects other versions.</summary>
internal static unsafe class NativeLibraryLoader
{
    private const string OverrideVariable = "FEDXDR_LIBRARY";

    private const string LibraryName = "fedxdr_native";

    private static readonly object Gate = new();
    private static volatile bool _loaded;

    internal static bool IsLoaded => _loaded;

    internal static void EnsureLoaded()
    {
        if (_loaded)
        {
            return;
        }
        lock (Gate)
        {
            if (_loaded)
            {
                return;
            }
            var library = Load();
            NativeLibrary.SetDllImportResolver(
                typeof(NativeLibraryLoader).Assembly,
                (name, _, _) => name == LibraryName ? library : 0);
            _loaded = true;
        }
    }

    /// <summary>The name of this platform, and of the folder of its library.</summary>
    internal static string Rid()
    {
        var system = OperatingSystem.IsWindows() ? "win"
            : OperatingSystem.IsMacOS() ? "osx"
            : IsMusl() ? "linux-musl"
            : "linux";
        var architecture = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.X86 => "x86",
            Architecture.Arm64 => "arm64",
            Architecture.Arm => "arm",
            var other => other.ToString(),
        };
        return $"{system}-{architecture}";
    }

    private static nint Load()
    {
        if (RuntimeInformation.ProcessArchitecture is Architecture.X86 or Architecture.Arm)
        {
            throw Errors.NativeLibraryNotFound(
                $"FedXdr has no native library for a 32-bit process ({Rid()})",
                "Start the 64-bit PowerShell. In a function app, set the platform to 64-bit "
                    + "(Function App > Configuration > General settings > Platform).");
        }
        var tried = new List<string>();
        foreach (var path in Candidates())
        {
            if (!File.Exists(path))
            {
                tried.Add($"{path} (no such file)");
            }
            else if (TryLoad(path, out var library, out var reason))
            {
                CheckVersion(library, path);
                return library;
            }
            else
            {
                tried.Add($"{path} ({reason})");
            }
        }
        throw Errors.NativeLibraryNotFound(
            $"the native library {FileName()} was not found for this {RuntimeInformation.ProcessArchitecture} process; "
                + $"tried {string.Join("; ", tried)}",
            $"Install the module again for {Rid()}, or set {OverrideVariable} to the full path of the library.");
    }

    private static IEnumerable<string> Candidates()
    {
        var given = Environment.GetEnvironmentVariable(OverrideVariable);
        if (!string.IsNullOrWhiteSpace(given))
        {
            yield return Path.GetFullPath(given.Trim());
            yield break;
        }
        var folder = Path.GetDirectoryName(typeof(NativeLibraryLoader).Assembly.Location);
        if (string.IsNullOrEmpty(folder))
        {
            folder = AppContext.BaseDirectory;
        }
        yield return Path.Combine(folder, Rid(), FileName());
    }

    private static bool TryLoad(string path, out nint library, out string reason)
    {
        try
        {
            library = NativeLibrary.Load(path);
            reason = "";
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            library = 0;
            reason = e.Message.ReplaceLineEndings(" ").Trim();
            return false;
        }
    }

    // By address, not by P/Invoke: the runtime keeps the library that the first P/Invoke finds.
    private static void CheckVersion(nint library, string path)
    {
        uint? version = NativeLibrary.TryGetExport(library, "fdx_abi_version", out var address)
            ? ((delegate* unmanaged[Cdecl]<uint>)address)()
            : null;
        if (version != Abi.Version)
        {
            var found = version is null ? "not a FedXdr library" : $"version {version} of the interface";
            throw Errors.NativeLibraryMismatch(
                $"{path} is {found}; this module ({ModuleVersion()}) needs version {Abi.Version}");
        }
    }

    private static string ModuleVersion() =>
        typeof(NativeLibraryLoader).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()?.Version ?? "?";

    private static string FileName() =>
        LibraryName + (OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so");

    private static bool IsMusl() =>
        RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.OrdinalIgnoreCase)
        || RuntimeInformation.RuntimeIdentifier.Contains("alpine", StringComparison.OrdinalIgnoreCase);
}
