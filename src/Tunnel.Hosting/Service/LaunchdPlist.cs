using System.Globalization;
using System.Text;

namespace Tunnel.Hosting.Service;

/// <summary>The property list of a service (launchd.plist(5)).</summary>
internal static class LaunchdPlist
{
    /// <param name="log">The file that takes what it prints.</param>
    public static string Of(ServiceDescription service, string log)
    {
        var list = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        list.Append("<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n");
        list.Append($"<!-- {ServiceFile.Mark(service.Program)} -->\n<plist version=\"1.0\">\n<dict>\n");
        Add(list, "Label", Text(service.Name));
        Add(list, "ProgramArguments", $"<array>\n{string.Concat(service.Command.Select(word => $"        {Text(word)}\n"))}    </array>");
        Add(list, "RunAtLoad", "<true/>");
        Add(list, "KeepAlive", "<dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>");

        // The grace, and what a stop may take beyond it.
        Add(list, "ExitTimeOut", Number(60));
        Add(list, "ProcessType", Text("Interactive"));
        Add(list, "SoftResourceLimits", $"<dict>\n        <key>NumberOfFiles</key>\n        {Number(65_536)}\n    </dict>");
        Add(list, "StandardOutPath", Text(log));
        Add(list, "StandardErrorPath", Text(log));
        Add(list, "Umask", Number(0x3F));
        if (service.Account is { } account)
        {
            Add(list, "UserName", Text(account));
        }

        if (service.Group is { } group)
        {
            Add(list, "GroupName", Text(group));
        }

        return list.Append("</dict>\n</plist>\n").ToString();
    }

    private static void Add(StringBuilder list, string key, string value) => list.Append($"    <key>{key}</key>\n    {value}\n");

    private static string Number(int value) => string.Create(CultureInfo.InvariantCulture, $"<integer>{value}</integer>");

    private static string Text(string text) => $"<string>{text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)}</string>";
}
