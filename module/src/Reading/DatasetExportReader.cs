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
            Mode = columns[2].ReadText(),
            Rows = columns[3].ReadInt(),
            Files = columns[4].ReadInt(),
            Bytes = columns[5].ReadInt(),
            SnapshotTime = columns[6].ReadTime() is { } time ? ValueText.Local(time) : null,
            Duration = columns[7].ReadFloat() is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Path = columns[8].ReadText(),
            ErrorId = columns[9].ReadText(),
            Advice = columns[10].ReadText(),
        };
    }
}
