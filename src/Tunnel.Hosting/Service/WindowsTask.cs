using System.Security;
using System.Text;

namespace Tunnel.Hosting.Service;

/// <summary>The definition of a task (Task Scheduler schema, version 1.2; [MS-TSCH] section 2.5).</summary>
internal static class WindowsTask
{
    // S-1-5-19: LOCAL SERVICE, which can do little on the machine and is nobody on its network.
    private const string LocalService = "S-1-5-19";

    /// <summary>Tools of Windows read nothing else: little-endian, with a byte order mark.</summary>
    public static Encoding Encoding { get; } = new UnicodeEncoding(bigEndian: false, byteOrderMark: true);

    /// <param name="user">Whose login starts it, as <c>DOMAIN\name</c>; null: the machine's start does.</param>
    /// <param name="log">The file that takes what it prints.</param>
    public static string Of(ServiceDescription service, string? user, string log)
    {
        string? account = SecurityElement.Escape(user);
        string[] words = [.. service.Command.Skip(1)];

        // A program that a runtime starts is that one's first word.
        int own = words is [var first, ..] && first.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? 1 : 0;
        string arguments = Arguments([.. words[..own], .. ServiceLog.Words(log), .. words[own..]]);
        return $"""
            <?xml version="1.0" encoding="UTF-16"?>
            <Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
              <RegistrationInfo>
                <Description>{SecurityElement.Escape(ServiceFile.Mark(service.Program))}</Description>
              </RegistrationInfo>
              <Triggers>
                {(account is null ? "<BootTrigger />" : $"<LogonTrigger><UserId>{account}</UserId></LogonTrigger>")}
              </Triggers>
              <Principals>
                <Principal id="Author">
                  <UserId>{account ?? LocalService}</UserId>
                  {(account is null ? "" : "<LogonType>InteractiveToken</LogonType>")}
                  <RunLevel>LeastPrivilege</RunLevel>
                </Principal>
              </Principals>
              <Settings>
                <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
                <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
                <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
                <AllowHardTerminate>true</AllowHardTerminate>
                <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
                <AllowStartOnDemand>true</AllowStartOnDemand>
                <Enabled>true</Enabled>
                <Hidden>false</Hidden>
                <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
                <Priority>5</Priority>
                <RestartOnFailure>
                  <Interval>PT1M</Interval>
                  <Count>255</Count>
                </RestartOnFailure>
              </Settings>
              <Actions Context="Author">
                <Exec>
                  <Command>{SecurityElement.Escape(service.Command[0])}</Command>
                  <Arguments>{SecurityElement.Escape(arguments)}</Arguments>
                </Exec>
              </Actions>
            </Task>

            """;
    }

    /// <summary>Whether the Task Scheduler takes a part of the word for a variable, which nothing can keep it from.</summary>
    public static bool IsUnsafe(string word) => word.Contains('%', StringComparison.Ordinal) || word.Contains("$(", StringComparison.Ordinal);

    /// <summary>A text of which CommandLineToArgvW makes these words again.</summary>
    internal static string Arguments(IReadOnlyList<string> words)
    {
        var text = new StringBuilder();
        foreach (string word in words)
        {
            text.Append(text.Length > 0 ? " \"" : "\"");
            int backslashes = 0;
            foreach (char c in word)
            {
                // Backslashes stand for themselves, but in front of a quotation mark.
                text.Append('\\', c == '"' ? backslashes + 1 : 0).Append(c);
                backslashes = c == '\\' ? backslashes + 1 : 0;
            }

            text.Append('\\', backslashes).Append('"');
        }

        return text.ToString();
    }
}
