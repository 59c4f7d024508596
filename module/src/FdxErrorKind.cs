namespace FedXdr;

/// <summary>Coarse class of an error, to decide by.</summary>
public enum FdxErrorKind
{
    /// <summary>Not set.</summary>
    None = 0,

    /// <summary>A setting or argument is wrong.</summary>
    Configuration = 1,

    /// <summary>No token could be had, or the token was refused.</summary>
    Authentication = 2,

    /// <summary>The token is good but may not do this.</summary>
    Authorization = 3,

    /// <summary>The thing asked for is not there.</summary>
    NotFound = 4,

    /// <summary>The service's quota is used up.</summary>
    Throttled = 5,

    /// <summary>The service could not be reached, or the connection broke.</summary>
    Network = 6,

    /// <summary>The service failed.</summary>
    Service = 7,

    /// <summary>The service answered something that is not its protocol.</summary>
    Protocol = 8,

    /// <summary>The command was cancelled.</summary>
    Cancelled = 9,

    /// <summary>A defect of the module.</summary>
    Internal = 10,
}
