using Tunnel.Hosting.Errors;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>Which of the known errors a port or address is that cannot be had.</summary>
public static class BindErrors
{
    public static KnownError Of(BindException error) => error.Failure switch
    {
        BindFailure.InUse => ServerErrors.PortInUse,
        BindFailure.NotPermitted => ServerErrors.PortNotPermitted,
        BindFailure.AddressNotAvailable => ServerErrors.AddressNotHere,
        _ => ServerErrors.ListenFailed,
    };
}
