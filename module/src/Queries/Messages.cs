using System.Management.Automation;
using FedXdr.Batches;
using FedXdr.Interop;
using FedXdr.Rows;

namespace FedXdr.Queries;

/// <summary>What the native library has to say besides rows.</summary>
internal static class Messages
{
    private sealed record Message(string? Level, string Text);

    private sealed class MessageReader : RowReader
    {
        private static readonly ColumnSpec[] Specs = [new("level", ColumnKind.Dictionary), new("text", ColumnKind.Text)];

        internal override ColumnSpec[]? Columns => Specs;

        internal override object Read(BatchStream stream) =>
            new Message(stream.Columns[0].ReadDictionary(), stream.Columns[1].ReadText() ?? "");
    }

    private static readonly MessageReader Reader = new();

    internal static unsafe void Write(QueryHandle query, Cmdlet cmdlet)
    {
        while (query.Messages() is { } batch)
        {
            using (batch)
            {
                var view = batch.View();
                // Each batch of messages stands alone: it has its own schema and dictionary.
                var reader = new BatchReader(Reader);
                for (var left = reader.Begin(view.ptr, view.len); left > 0; left--)
                {
                    var message = (Message)reader.ReadRow();
                    if (message.Level == "warning")
                    {
                        cmdlet.WriteWarning(message.Text);
                    }
                    else
                    {
                        cmdlet.WriteVerbose(message.Text);
                    }
                }
            }
        }
    }
}
