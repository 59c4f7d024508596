using System;
using System.Text;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>Turns native errors into exceptions.</summary>
internal static unsafe class ErrorReader
{
    /// <summary>Makes an exception from a status and an error, and frees the error.</summary>
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

    /// <summary>The exception for a status that has no error object.</summary>
    internal static FdxException Describe(FdxStatus_t status) => status switch
    {
        FdxStatus_t.Busy => Errors.Defect("two threads read the same query"),
        FdxStatus_t.Panic => Errors.Defect("the native library hit an internal error"),
        FdxStatus_t.Forked => Errors.Forked("this process was forked after FedXdr started its threads"),
        _ => Errors.Defect($"the native library returned {status} without an error"),
    };

    private static FdxException Read(in FdxErrorView_t view) =>
        new(
            Text(view.id) ?? "",
            (FdxErrorKind)view.kind,
            Text(view.message) ?? "",
            Text(view.advice) ?? "")
        {
            HttpStatus = view.http_status == 0 ? null : view.http_status,
            AadStsCode = view.aadsts == 0 ? null : view.aadsts,
            RetryAfter = view.retry_after_seconds < 0 ? null : TimeSpan.FromSeconds(view.retry_after_seconds),
            Rows = (long)view.rows,
            Step = Text(view.step),
            TenantId = Text(view.tenant),
            TenantName = Text(view.tenant_name),
            Item = Text(view.item),
            CorrelationId = Text(view.correlation_id),
            Detail = Text(view.detail),
        };

    private static string? Text(FdxBytes_t bytes) =>
        bytes.ptr is null || bytes.len == 0 ? null : Encoding.UTF8.GetString(bytes.ptr, checked((int)bytes.len));
}
