using System;
using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>Reads what became of datasets.</summary>
internal sealed class DatasetExportReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.Export;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.Export.Length);
        var dataset = columns[0].ReadText() ?? "";
        return new DatasetExport(dataset, columns[1].ReadText() ?? "")
        {
            TenantId = string.IsNullOrEmpty(stream.Tenant) ? null : stream.Tenant,
            TenantName = stream.TenantName,
            Rows = columns[2].ReadInt(),
            Files = columns[3].ReadInt(),
            Bytes = columns[4].ReadInt(),
            SnapshotTime = columns[5].ReadTime() is { } time ? ValueText.Local(time) : null,
            Duration = columns[6].ReadFloat() is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Path = columns[7].ReadText(),
            ErrorId = columns[8].ReadText(),
            Advice = columns[9].ReadText(),
        };
    }
}
