namespace FedXdr.Objects;

/// <summary>
/// A nested value of a row that no script has asked for yet. Most scripts look at few of them, and their objects take
/// more time and memory than the rest of the row.
/// </summary>
internal abstract class Unread
{
    internal abstract object? Read();
}
