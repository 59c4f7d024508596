namespace FedXdr;

/// <summary>Coarse class of an error, for scripts that branch on it.</summary>
public enum FdxErrorKind
{
    /// <summary>Not set.</summary>
    None = 0,

    /// <summary>A setting or an argument is wrong.</summary>
    Configuration = 1,

    /// <summary>No token could be obtained, or the token was rejected.</summary>
    Authentication = 2,

    /// <summary>The token is valid but lacks a permission.</summary>
    Authorization = 3,

    /// <summary>The requested item does not exist.</summary>
    NotFound = 4,

    /// <summary>The quota of the service is used up.</summary>
    Throttled = 5,

    /// <summary>The service could not be reached, or the connection broke.</summary>
    Network = 6,

    /// <summary>The service failed.</summary>
    Service = 7,

    /// <summary>The service sent an answer that does not follow its protocol.</summary>
    Protocol = 8,

    /// <summary>The command was cancelled.</summary>
    Cancelled = 9,

    /// <summary>A bug in the module.</summary>
    Internal = 10,
}
