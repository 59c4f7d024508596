using System.Management.Automation;
using System.Text;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommunications.Send, "FdxRow")]
[OutputType(typeof(RowsSent))]
public sealed class SendFdxRowCommand : FdxCommand
{
    // Characters of rows that are handed on together: about one request.
    private const int LargestPart = 900_000;

    private readonly StringBuilder _lines = new();
    private Connection? _connection;
    private RowsSent? _sent;

    [Parameter(Mandatory = true, Position = 0)]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNull]
    public PSObject[] InputObject { get; set; } = [];

    [Parameter]
    [ConnectionTransformation]
    [ValidateNotNull]
    public Connection? DestinationConnection { get; set; }

    private protected override void Process()
    {
        foreach (var row in InputObject)
        {
            var line = ObjectJson.Of(row);
            if (_lines.Length > 0 && _lines.Length + line.Length > LargestPart)
            {
                Send();
            }
            _lines.Append(line).Append('\n');
        }
    }

    private protected override void End()
    {
        if (_lines.Length > 0)
        {
            Send();
        }
        WriteObject(_sent ?? new RowsSent(Destination, 0, 0, 0));
    }

    private void Send()
    {
        _connection ??= ConnectionOrOwn(DestinationConnection);
        using var request = new JsonDocumentWriter();
        request.Text("kind", "send");
        request.Text("destination", Destination);
        request.Text("rows", _lines.ToString());
        request.Number("before", _sent?.Rows ?? 0);
        var rows = new RowsSentReader(Destination);
        Runner.Run(_connection, request, rows, Add, CommandName, null, DestinationConnection);
        _lines.Clear();
    }

    private void Add(object part)
    {
        var sent = (RowsSent)part;
        var before = _sent ?? new RowsSent(Destination, 0, 0, 0);
        _sent = new RowsSent(
            Destination, before.Rows + sent.Rows, before.Requests + sent.Requests, before.Bytes + sent.Bytes);
    }
}
