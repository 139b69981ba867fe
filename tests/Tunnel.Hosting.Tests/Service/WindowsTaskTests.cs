using System.Xml;
using System.Xml.Linq;
using System.Xml.Schema;
using Tunnel.Hosting.Service;

namespace Tunnel.Hosting.Tests.Service;

/// <summary>The definition of a task, held against the part of its schema ([MS-TSCH] 2.5) that it uses; the Task Scheduler itself is not here.</summary>
public sealed class WindowsTaskTests
{
    private const string Log = @"C:\Users\anna b\AppData\Local\Tunnel\p.log";

    private const string Schema = """
        <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"
            targetNamespace="http://schemas.microsoft.com/windows/2004/02/mit/task" elementFormDefault="qualified">
          <xs:element name="Task">
            <xs:complexType>
              <xs:all>
                <xs:element name="RegistrationInfo" minOccurs="0"><xs:complexType><xs:all><xs:element name="Description" type="xs:string" minOccurs="0"/></xs:all></xs:complexType></xs:element>
                <xs:element name="Triggers" minOccurs="0">
                  <xs:complexType><xs:choice minOccurs="0" maxOccurs="48">
                    <xs:element name="BootTrigger"><xs:complexType><xs:sequence><xs:element name="Enabled" type="xs:boolean" minOccurs="0"/><xs:element name="Delay" type="xs:duration" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
                    <xs:element name="LogonTrigger"><xs:complexType><xs:sequence><xs:element name="Enabled" type="xs:boolean" minOccurs="0"/><xs:element name="UserId" type="nonEmpty" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
                  </xs:choice></xs:complexType>
                </xs:element>
                <xs:element name="Principals" minOccurs="0">
                  <xs:complexType><xs:sequence><xs:element name="Principal"><xs:complexType>
                    <xs:all>
                      <xs:element name="UserId" type="nonEmpty" minOccurs="0"/>
                      <xs:element name="LogonType" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="S4U"/><xs:enumeration value="Password"/><xs:enumeration value="InteractiveToken"/></xs:restriction></xs:simpleType></xs:element>
                      <xs:element name="RunLevel" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="LeastPrivilege"/><xs:enumeration value="HighestAvailable"/></xs:restriction></xs:simpleType></xs:element>
                    </xs:all>
                    <xs:attribute name="id" type="xs:ID"/>
                  </xs:complexType></xs:element></xs:sequence></xs:complexType>
                </xs:element>
                <xs:element name="Settings" minOccurs="0">
                  <xs:complexType><xs:all>
                    <xs:element name="MultipleInstancesPolicy" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="Parallel"/><xs:enumeration value="Queue"/><xs:enumeration value="IgnoreNew"/><xs:enumeration value="StopExisting"/></xs:restriction></xs:simpleType></xs:element>
                    <xs:element name="DisallowStartIfOnBatteries" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="StopIfGoingOnBatteries" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="AllowHardTerminate" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="RunOnlyIfNetworkAvailable" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="AllowStartOnDemand" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="Enabled" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="Hidden" type="xs:boolean" minOccurs="0"/>
                    <xs:element name="ExecutionTimeLimit" type="xs:duration" minOccurs="0"/>
                    <xs:element name="Priority" minOccurs="0"><xs:simpleType><xs:restriction base="xs:byte"><xs:minInclusive value="0"/><xs:maxInclusive value="10"/></xs:restriction></xs:simpleType></xs:element>
                    <xs:element name="RestartOnFailure" minOccurs="0"><xs:complexType><xs:all>
                      <xs:element name="Interval"><xs:simpleType><xs:restriction base="xs:duration"><xs:minInclusive value="PT1M"/><xs:maxInclusive value="P31D"/></xs:restriction></xs:simpleType></xs:element>
                      <xs:element name="Count"><xs:simpleType><xs:restriction base="xs:unsignedByte"><xs:minInclusive value="1"/></xs:restriction></xs:simpleType></xs:element>
                    </xs:all></xs:complexType></xs:element>
                  </xs:all></xs:complexType>
                </xs:element>
                <xs:element name="Actions">
                  <xs:complexType>
                    <xs:sequence><xs:element name="Exec" maxOccurs="32"><xs:complexType><xs:all>
                      <xs:element name="Command" type="nonEmpty"/><xs:element name="Arguments" type="xs:string" minOccurs="0"/>
                    </xs:all></xs:complexType></xs:element></xs:sequence>
                    <xs:attribute name="Context" type="xs:IDREF"/>
                  </xs:complexType>
                </xs:element>
              </xs:all>
              <xs:attribute name="version"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="\d+\.\d+"/></xs:restriction></xs:simpleType></xs:attribute>
            </xs:complexType>
          </xs:element>
          <xs:simpleType name="nonEmpty"><xs:restriction base="xs:string"><xs:minLength value="1"/></xs:restriction></xs:simpleType>
        </xs:schema>
        """;

    private static readonly XNamespace Space = "http://schemas.microsoft.com/windows/2004/02/mit/task";

    [Theory]
    [InlineData(null, "BootTrigger", "S-1-5-19", null)]
    [InlineData(@"HOME\anna & <bert>", "LogonTrigger", @"HOME\anna & <bert>", "InteractiveToken")]
    public void Task_IsOfTheSchema_AndOfItsAccount(string? user, string trigger, string account, string? logonType)
    {
        XDocument task = XDocument.Parse(Text(["C:\\p.exe"], user));
        var schemas = new XmlSchemaSet();
        using var schema = XmlReader.Create(new StringReader(Schema));
        schemas.Add(null, schema);
        var faults = new List<string>();
        task.Validate(schemas, (_, fault) => faults.Add(fault.Message));

        faults.Should().BeEmpty();
        task.Root!.Attribute("version")!.Value.Should().Be("1.2");
        XElement one = task.Descendants(Space + "Triggers").Single().Elements().Should().ContainSingle().Which;
        one.Name.LocalName.Should().Be(trigger);
        (one.Element(Space + "UserId")?.Value).Should().Be(user, "without it, it would be everybody's login");
        Value(task, "Principal", "UserId").Should().Be(account);
        (task.Descendants(Space + "LogonType").SingleOrDefault()?.Value).Should().Be(logonType);
        Value(task, "Principal", "RunLevel").Should().Be("LeastPrivilege");
    }

    [Theory]
    [InlineData("MultipleInstancesPolicy", "IgnoreNew")]
    [InlineData("DisallowStartIfOnBatteries", "false")]
    [InlineData("StopIfGoingOnBatteries", "false")]
    [InlineData("ExecutionTimeLimit", "PT0S")]
    [InlineData("Hidden", "false")]
    [InlineData("Priority", "5")]
    public void Task_RunsForAsLongAsItMay(string setting, string value) => Value(XDocument.Parse(Text(["p"])), "Settings", setting).Should().Be(value);

    [Fact]
    public void Program_OpensItsLogItself()
    {
        Exec("p.exe", "start", "--all").Should().Equal("p.exe", "service", "run", Log, "start", "--all");
        Exec(@"C:\Program Files\dotnet\dotnet.exe", @"C:\a b\p.dll", "start").Should().Equal(@"C:\Program Files\dotnet\dotnet.exe", @"C:\a b\p.dll", "service", "run", Log, "start");
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a b")]
    [InlineData("tab\there")]
    [InlineData(@"C:\folder\")]
    [InlineData(@"C:\a folder\\")]
    [InlineData("\"")]
    [InlineData("\"\"")]
    [InlineData("say \"hello\"")]
    [InlineData("\\\"")]
    [InlineData("\\\\\"\\")]
    [InlineData("\" & calc.exe & \"")]
    [InlineData("a|b>c<d^e&f(g)!h;i,j'k`l$m")]
    [InlineData("<&>]]>-->")]
    [InlineData("--domain=tunnel.com")]
    [InlineData("Zürich 東京")]
    public void Word_ArrivesAsItIs(string word) => Exec("p.exe", word, word, "end").Should().Equal("p.exe", "service", "run", Log, word, word, "end");

    [Theory]
    [InlineData("100%", true)]
    [InlineData("%PATH%", true)]
    [InlineData("$(Arg0)", true)]
    [InlineData("$5", false)]
    [InlineData("(a)", false)]
    public void Word_ThatTheSystemChanges_IsKnown(string word, bool isUnsafe) => WindowsTask.IsUnsafe(word).Should().Be(isUnsafe);

    private static string Text(string[] command, string? user = "HOME\\anna") => WindowsTask.Of(new ServiceDescription("p", "p", command), user, Log);

    private static string Value(XDocument task, string parent, string name) => task.Descendants(Space + parent).Single().Element(Space + name)!.Value;

    private static string[] Exec(params string[] command)
    {
        XDocument task = XDocument.Parse(Text(command));
        return [Value(task, "Exec", "Command"), .. Split(Value(task, "Exec", "Arguments"))];
    }

    // CommandLineToArgvW, as its manual has it: 2n backslashes and a quotation mark are n backslashes and the mark's work, one more is n and the mark itself.
    private static IEnumerable<string> Split(string line)
    {
        for (int i = 0; i < line.Length;)
        {
            string word = "";
            for (bool isQuoted = false; i < line.Length && (isQuoted || line[i] is not (' ' or '\t'));)
            {
                int backslashes = line.AsSpan(i).IndexOfAnyExcept('\\') is var found and >= 0 ? found : line.Length - i;
                i += backslashes;
                bool isMark = i < line.Length && line[i] == '"';
                word += new string('\\', isMark ? backslashes / 2 : backslashes);
                if (isMark && backslashes % 2 == 0)
                {
                    isQuoted = !isQuoted;
                    i++;
                }
                else if (isMark || (backslashes == 0 && i < line.Length))
                {
                    word += line[i++];
                }
            }

            yield return word;
            for (; i < line.Length && line[i] is ' ' or '\t'; i++)
            {
            }
        }
    }
}
