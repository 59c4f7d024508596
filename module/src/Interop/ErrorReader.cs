using System;
using System.Text;

namespace FedXdr.Interop;

/// <summary>Copies native errors into exceptions.</summary>
internal static unsafe class ErrorReader
{
    /// <summary>Makes an exception of a status and an error, and frees the error.</summary>
    internal static FdxException Take(FdxStatus_t status, FdxError_t* error)
    {
        if (error is null)
        {
            return Describe(status);
        }
        try
        {
            FdxErrorView_t view;
            return NativeMethods.fdx_error_view(error, &view) == FdxStatus_t.Ok ? Read(in view) : Describe(status);
        }
        finally
        {
            NativeMethods.fdx_error_free(error);
        }
    }

    private static FdxException Read(in FdxErrorView_t view) =>
        new(Text(view.id) ?? "Fdx.Internal.Unnamed", (FdxErrorKind)view.kind, Text(view.message) ?? "", Text(view.advice) ?? "")
        {
            HttpStatus = view.http_status == 0 ? null : view.http_status,
            AadStsCode = view.aadsts == 0 ? null : view.aadsts,
            RetryAfter = view.retry_after_seconds < 0 ? null : TimeSpan.FromSeconds(view.retry_after_seconds),
            Rows = (long)view.rows,
            Step = Text(view.step),
            TenantId = Text(view.tenant),
            Item = Text(view.item),
            CorrelationId = Text(view.correlation_id),
            Detail = Text(view.detail),
        };

    internal static FdxException Describe(FdxStatus_t status) => status switch
    {
        FdxStatus_t.Busy => FdxException.Defect("Busy", "two threads read one query"),
        FdxStatus_t.Panic => FdxException.Defect("Panic", "the native library met a defect of its own"),
        FdxStatus_t.Forked => Errors.Forked("this process was forked after FedXdr had started its threads"),
        _ => FdxException.Defect("Status", $"the native library answered {status} without an error"),
    };

    private static string? Text(FdxBytes_t bytes) =>
        bytes.ptr is null || bytes.len == 0 ? null : Encoding.UTF8.GetString(bytes.ptr, checked((int)bytes.len));
}
