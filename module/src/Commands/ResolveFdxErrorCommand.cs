using System;
using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsDiagnostic.Resolve, "FdxError", DefaultParameterSetName = ErrorRecordSet)]
[OutputType(typeof(KnownError))]
public sealed class ResolveFdxErrorCommand : FdxCommand
{
    private const string ErrorRecordSet = "ErrorRecord";
    private const string MessageSet = "Message";
    private const string CodeSet = "Code";

    [Parameter(ParameterSetName = ErrorRecordSet, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    public ErrorRecord? ErrorRecord { get; set; }

    [Parameter(ParameterSetName = MessageSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string? Message { get; set; }

    [Parameter(ParameterSetName = CodeSet, Mandatory = true)]
    [ValidateRange(1, int.MaxValue)]
    public int[] Code { get; set; } = [];

    private protected override void Process()
    {
        switch (ParameterSetName)
        {
            case MessageSet:
                Explain(Message!);
                break;
            case CodeSet:
                foreach (var code in Code)
                {
                    Explain(code.ToString(CultureInfo.InvariantCulture));
                }
                break;
            default:
                if ((ErrorRecord ?? LastError()) is { } record)
                {
                    Explain(TextOf(record));
                }
                break;
        }
    }

    private void Explain(string text)
    {
        using var request = new JsonDocumentWriter();
        request.Text("kind", "explain");
        request.Text("text", text);
        var found = false;
        var connection = DefaultConnection.Current ?? AdHocConnection.Open();
        Runner.Run(connection, request, new KnownErrorReader(), Write, CommandName, null);
        if (!found)
        {
            WriteError(Errors.UnknownError("FedXdr knows no error with this code or text").ToErrorRecord(text));
        }

        void Write(object error)
        {
            found = true;
            WriteObject(error);
        }
    }

    private ErrorRecord? LastError() =>
        SessionState.PSVariable.GetValue("global:Error") is IList { Count: > 0 } errors
            ? errors[0] switch
            {
                ErrorRecord record => record,
                IContainsErrorRecord holder => holder.ErrorRecord,
                _ => null,
            }
            : null;

    // ErrorDetails has the body of the response, the inner exceptions have the cause.
    private static string TextOf(ErrorRecord record)
    {
        if (record.Exception is FdxException known)
        {
            // The advice may name other errors.
            return $"{known.Id}\n{known.Message}";
        }
        var text = new StringBuilder();
        text.AppendLine(record.FullyQualifiedErrorId);
        text.AppendLine(record.ErrorDetails?.Message);
        for (var exception = record.Exception; exception is not null; exception = exception.InnerException)
        {
            text.AppendLine(exception.Message);
        }
        return text.ToString();
    }
}
