using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Session;

/// <summary>Writes the messages of a query to the verbose and warning streams.</summary>
internal static class MessageWriter
{
    private static readonly MessageReader RowReader = new();

    internal static unsafe void Write(QueryHandle query, Cmdlet cmdlet)
    {
        while (query.Messages() is { } batch)
        {
            using (batch)
            {
                var view = batch.View();
                // Each batch of messages is independent: it has its own schema and dictionary.
                var reader = new BatchReader(RowReader);
                for (var left = reader.Begin(view.ptr, view.len); left > 0; left--)
                {
                    var message = (NativeMessage)reader.ReadRow();
                    if (message.Level == MessageLevels.Warning)
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
