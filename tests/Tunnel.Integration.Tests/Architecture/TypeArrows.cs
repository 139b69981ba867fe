using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>One type of an assembly names another one of it; nested types, closures and state machines are their outermost type's.</summary>
/// <param name="From">Namespace and name of who names.</param>
/// <param name="To">Namespace and name of who is named.</param>
internal readonly record struct TypeArrow((string Namespace, string Name) From, (string Namespace, string Name) To);

/// <summary>
/// Which types of an assembly name which others of it, from the compiled code: base types, interfaces, attributes,
/// constraints, fields, signatures, locals, caught exceptions and every instruction. Constants alone are not seen: the
/// compiler has put their values in.
/// </summary>
internal sealed class TypeArrows
{
    private static readonly Dictionary<int, OperandType> Operands = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => (int)(ushort)code.Value, code => code.OperandType);

    private readonly MetadataReader _reader;
    private readonly PEReader _file;
    private readonly Names _names;
    private readonly HashSet<TypeArrow> _arrows = [];
    private TypeDefinitionHandle _from;

    private TypeArrows(PEReader file)
    {
        _file = file;
        _reader = file.GetMetadataReader();
        _names = new Names(this);
    }

    public static IReadOnlyCollection<TypeArrow> Read(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var arrows = new TypeArrows(file);
        foreach (TypeDefinitionHandle type in arrows._reader.TypeDefinitions)
        {
            arrows.Read(type);
        }

        return arrows._arrows;
    }

    private void Read(TypeDefinitionHandle handle)
    {
        _from = handle;
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        Add(type.BaseType);
        Add(type.GetCustomAttributes());
        Add(type.GetGenericParameters());
        foreach (InterfaceImplementationHandle one in type.GetInterfaceImplementations())
        {
            Add(_reader.GetInterfaceImplementation(one).Interface);
        }

        foreach (FieldDefinitionHandle one in type.GetFields())
        {
            FieldDefinition field = _reader.GetFieldDefinition(one);
            field.DecodeSignature(_names, null);
            Add(field.GetCustomAttributes());
        }

        foreach (PropertyDefinitionHandle one in type.GetProperties())
        {
            Add(_reader.GetPropertyDefinition(one).GetCustomAttributes());
        }

        foreach (MethodDefinitionHandle one in type.GetMethods())
        {
            Read(_reader.GetMethodDefinition(one));
        }
    }

    private void Read(MethodDefinition method)
    {
        method.DecodeSignature(_names, null);
        Add(method.GetCustomAttributes());
        Add(method.GetGenericParameters());
        if (method.RelativeVirtualAddress == 0)
        {
            return;
        }

        MethodBodyBlock body = _file.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            _reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(_names, null);
        }

        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            Add(region.CatchType);
        }

        BlobReader code = body.GetILReader();
        while (code.RemainingBytes > 0)
        {
            ReadInstruction(ref code);
        }
    }

    private void ReadInstruction(ref BlobReader code)
    {
        int value = code.ReadByte();
        if (value == 0xFE)
        {
            value = 0xFE00 | code.ReadByte();
        }

        switch (Operands[value])
        {
            case OperandType.InlineType or OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok:
                Add(MetadataTokens.EntityHandle(code.ReadInt32()));
                break;
            case OperandType.InlineSwitch:
                int targets = code.ReadInt32();
                code.Offset += targets * sizeof(int);
                break;
            case OperandType.InlineNone:
                break;
            case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                code.Offset += sizeof(byte);
                break;
            case OperandType.InlineVar:
                code.Offset += sizeof(short);
                break;
            case OperandType.InlineI8 or OperandType.InlineR:
                code.Offset += sizeof(long);
                break;
            default:
                code.Offset += sizeof(int);
                break;
        }
    }

    private void Add(CustomAttributeHandleCollection attributes)
    {
        foreach (CustomAttributeHandle attribute in attributes)
        {
            Add(_reader.GetCustomAttribute(attribute).Constructor);
        }
    }

    private void Add(GenericParameterHandleCollection parameters)
    {
        foreach (GenericParameterHandle parameter in parameters)
        {
            foreach (GenericParameterConstraintHandle constraint in _reader.GetGenericParameter(parameter).GetConstraints())
            {
                Add(_reader.GetGenericParameterConstraint(constraint).Type);
            }
        }
    }

    private void Add(EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition when !handle.IsNil:
                AddArrow((TypeDefinitionHandle)handle);
                break;
            case HandleKind.TypeSpecification:
                _reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_names, null);
                break;
            case HandleKind.FieldDefinition:
                AddArrow(_reader.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MethodDefinition:
                AddArrow(_reader.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MemberReference:
                Add(_reader.GetMemberReference((MemberReferenceHandle)handle).Parent);
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification method = _reader.GetMethodSpecification((MethodSpecificationHandle)handle);
                Add(method.Method);
                method.DecodeSignature(_names, null);
                break;
        }
    }

    private void AddArrow(TypeDefinitionHandle to)
    {
        (string, string) from = NameOf(_from);
        (string, string) named = NameOf(to);
        if (from != named)
        {
            _arrows.Add(new TypeArrow(from, named));
        }
    }

    private (string Namespace, string Name) NameOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        while (type.IsNested)
        {
            type = _reader.GetTypeDefinition(type.GetDeclaringType());
        }

        return (_reader.GetString(type.Namespace), _reader.GetString(type.Name).Split('`')[0]);
    }

    /// <summary>Reads signatures for the types of the assembly that are named in them.</summary>
    private sealed class Names(TypeArrows arrows) : ISignatureTypeProvider<bool, object?>
    {
        public bool GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            arrows.AddArrow(handle);
            return true;
        }

        public bool GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public bool GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => true;

        public bool GetPrimitiveType(PrimitiveTypeCode typeCode) => true;

        public bool GetSZArrayType(bool elementType) => true;

        public bool GetArrayType(bool elementType, ArrayShape shape) => true;

        public bool GetByReferenceType(bool elementType) => true;

        public bool GetPointerType(bool elementType) => true;

        public bool GetPinnedType(bool elementType) => true;

        public bool GetFunctionPointerType(MethodSignature<bool> signature) => true;

        public bool GetGenericInstantiation(bool genericType, ImmutableArray<bool> typeArguments) => true;

        public bool GetGenericMethodParameter(object? genericContext, int index) => true;

        public bool GetGenericTypeParameter(object? genericContext, int index) => true;

        public bool GetModifiedType(bool modifier, bool unmodifiedType, bool isRequired) => true;
    }
}
