using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting;

/// <summary>
/// Tells systemd how the program stands (sd_notify(3), <c>Type=notify</c>): its unit counts as started when it really is, and what is
/// ordered behind it waits. Does nothing where nobody asked for it with NOTIFY_SOCKET. A manager that does not listen is no
/// reason to fail. Safe from any thread.
/// </summary>
/// <param name="socket">The path of a Unix datagram socket, or <c>@name</c>; null: nobody wants to know.</param>
public sealed partial class ServiceManager(string? socket)
{
    private const int MonotonicClock = 1;

    /// <summary>The one that started this process.</summary>
    public static ServiceManager OfThisProcess() => new(OperatingSystem.IsLinux() ? Environment.GetEnvironmentVariable("NOTIFY_SOCKET") : null);

    /// <summary>The program does its work.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>It reads its settings again; <see cref="Ready"/> follows.</summary>
    public void Reloading()
    {
        // With Type=notify-reload the time says which reload this is.
        if (OperatingSystem.IsLinux() && Now(MonotonicClock, out TimeSpec now) == 0)
        {
            Send(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={(now.Seconds * 1_000_000L) + (now.Nanoseconds / 1000)}"));
        }
    }

    /// <summary>It lets running requests finish, and ends.</summary>
    public void Stopping() => Send("STOPPING=1");

    private void Send(string state)
    {
        if (string.IsNullOrEmpty(socket))
        {
            return;
        }

        try
        {
            using var notice = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            notice.SendTo(System.Text.Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(socket[0] == '@' ? $"\0{socket[1..]}" : socket));
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // It will notice by itself that the process lives, or ends.
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Now(int clock, out TimeSpec time);

    // struct timespec; both are a machine word.
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
